# MCTformer-V2 on DeiT-S/16, VOC 2012, with its values: crop 224, batch 64, 60
# epochs of AdamW, timm's augmentation, seeds from one scale and its flip,
# min-max. Needs MMPretrain.
_base_ = [
    '../_base_/models/mctformer_deit-s.py',
    '../_base_/datasets/voc12_cam.py',
    '../_base_/datasets/timm_augmentation.py',
    '../_base_/schedules/cam_adamw_60e.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(
    imports=['mmseg_wsss', 'mmpretrain.models', 'mmpretrain.datasets'],
    allow_failed_imports=False,
)
cam_scales = (1.0,)
crop_size = (224, 224)
model = dict(data_preprocessor=dict(size=crop_size))
whole_patches = dict(type='ResizeToMultiple', size_divisor=16)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=crop_size,
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='RandomFlip', prob=0.5),
    _base_.rand_augment,
    _base_.random_erasing,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    whole_patches,
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
seed_pipeline = [
    dict(type='LoadImageFromFile'),
    whole_patches,
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
tta_model = dict(type='mmseg_wsss.CAMTTAModel')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True)
                for r in cam_scales
            ],
            [whole_patches],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadAnnotations')],
            [_base_.load_image_labels],
            [dict(type='mmseg_wsss.PackWSSSInputs')],
        ],
    ),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=seed_pipeline))
