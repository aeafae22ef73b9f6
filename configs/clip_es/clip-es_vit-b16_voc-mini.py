# Seeds and labels of a frozen CLIP, voc_mini. See clip-es_vit-b16_voc12.py.
_base_ = [
    '../_base_/datasets/voc_mini_refine.py',
    '../_base_/default_runtime.py',
    '../_base_/models/clip_vit-b16.py',
]
model = dict(
    classes=_base_.metainfo.classes,
    text_embeddings=f'{_base_.data_root}/clip_text.npz',
)
clip_texts = dict(names=dict(person='person with clothes,people,human'))
background = dict(type='mmseg_wsss.AddBackground', alpha=1)
to_label = dict(type='mmseg_wsss.ScoresToLabel')
seed_pipeline = [*_base_.load_seed, background, to_label]
local_pipeline = [
    *_base_.load_seed,
    background,
    dict(type='mmseg_wsss.PixelAdaptiveRefine'),
    to_label,
]
refine_pipeline = [
    *_base_.load_seed,
    background,
    dict(type='mmseg_wsss.DenseCRFRefine', params='stego'),
    dict(type='mmseg_wsss.ScoresToLabel', min_score=0.95),
]
train_dataloader = None
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            _base_.load_image_labels,
            dict(type='mmseg_wsss.PackWSSSInputs'),
        ]
    )
)
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmseg_wsss.ContourMetric', ignore='mask'),
    dict(type='mmseg_wsss.FalseRateMetric'),
]
