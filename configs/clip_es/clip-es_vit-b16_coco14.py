# Seeds and labels of a frozen CLIP, MS COCO 2014: boxes above 0.7. See
# clip-es_vit-b16_voc12.py.
_base_ = [
    '../_base_/datasets/coco14_refine.py',
    '../_base_/default_runtime.py',
    '../_base_/models/clip_vit-b16.py',
]
model = dict(
    classes=_base_.dataset_type,
    text_embeddings=f'{_base_.data_root}/clip_text.npz',
    box_threshold=0.7,
)
# The names of the public code, spelled as there. Its backgrounds are VOC's
# without keyboard and sign, which are classes here.
clip_texts = dict(
    names={
        'person': 'person with clothes,people,human',
        'motorcycle': 'motorbike',
        'airplane': 'aeroplane',
        'bird': 'bird avian',
        'backpack': 'backpack,bag',
        'umbrella': 'umbrella,parasol',
        'handbag': 'handbag,purse',
        'tie': 'necktie',
        'snowboard': 'sknowboard',
        'baseball glove': 'glove',
        'spoon': 'dessertspoon',
        'chair': 'chair seat',
        'couch': 'sofa',
        'potted plant': 'pottedplant',
        'dining table': 'diningtable',
        'tv': 'tvmonitor screen',
        'remote': 'remote control',
        'hair drier': 'hairdrier,blowdrier',
    },
    background=[
        name
        for name in _base_.clip_texts.background
        if name not in ('keyboard', 'sign')
    ],
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
