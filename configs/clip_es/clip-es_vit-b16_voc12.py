# Seeds and labels of a frozen CLIP, VOC 2012, as CLIP-ES has them: one scale,
# no flip, DenseCRF, pixels of which it is not sure ignored.
#   python tools/make_text_embeddings.py CONFIG
#   python tools/make_cams.py CONFIG --out-dir data/VOCdevkit/VOC2012/seeds
#   python tools/make_pseudo_labels.py CONFIG
#   ... --pipeline seed_pipeline        the seeds as they are
#   ... --pipeline local_pipeline       pixel-adaptive refinement
_base_ = [
    '../_base_/datasets/voc12_refine.py',
    '../_base_/default_runtime.py',
    '../_base_/models/clip_vit-b16.py',
]
model = dict(
    classes=_base_.dataset_type,
    text_embeddings=f'{_base_.data_root}/clip_text.npz',
)
clip_texts = dict(
    names=dict(
        bird='bird avian',
        chair='chair seat',
        person='person with clothes,people,human',
        tvmonitor='tvmonitor screen',
    )
)
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
    dict(type='mmseg_wsss.ContourMetric'),
    dict(type='mmseg_wsss.FalseRateMetric'),
]
