# WeCLIP, MS COCO 2014: 80 thousand iterations, boxes above 0.7, the last 10
# layers to choose from. See weclip_vit-b16_voc12.py.
_base_ = [
    '../_base_/models/weclip_vit-b16.py',
    '../_base_/datasets/coco14_wsss-321.py',
    '../_base_/schedules/weclip_30k.py',
    '../_base_/default_runtime.py',
]
crop_size = (320, 320)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(tower=dict(attention_layers=10)),
    decode_head=dict(num_classes=81),
)
train_cfg = dict(max_iters=80000)
param_scheduler = _base_.param_scheduler
param_scheduler[1].end = 80000
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mmseg_wsss.CLIPLabelsHook',
        text_embeddings=f'{_base_.data_root}/clip_text.npz',
        box_threshold=0.7,
        layers=8,
        refine_from=40000,
        refine_layers=10,
    ),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(640, 640),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(512, 512), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(side, side), keep_ratio=True)
                for side in (512, 384)
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
tta_model = dict(fusion='mean_logits')
train_dataloader = dict(
    batch_size=4,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
