# WeCLIP, VOC 2012, in one stage: batch 4, crop 320, labels made while training
# from image labels and the texts of the class names.
#   python tools/make_text_embeddings.py \
#       configs/clip_es/clip-es_vit-b16_voc12.py
#   python tools/train.py configs/weclip/weclip_vit-b16_voc12.py
#   python tools/test.py CONFIG CHECKPOINT --tta
_base_ = [
    '../_base_/models/weclip_vit-b16.py',
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/schedules/weclip_30k.py',
    '../_base_/default_runtime.py',
]
crop_size = (320, 320)
model = dict(data_preprocessor=dict(size=crop_size))
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mmseg_wsss.CLIPLabelsHook',
        text_embeddings=f'{_base_.data_root}/clip_text.npz',
        box_threshold=0.4,
        layers=8,
        refine_from=15000,
        refine_layers=6,
    ),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(500, 500),
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
