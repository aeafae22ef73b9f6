# MCTformer-V2 on voc_mini, on a CPU: two transformer layers on the map of
# stride 16 of MobileNetV2. Needs MMPretrain.
_base_ = '../cam/cam_mobilenetv2_voc-mini.py'
custom_imports = dict(
    imports=['mmseg_wsss', 'mmpretrain.models'], allow_failed_imports=False
)
cam_scales = (1.0,)
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg_wsss.MultiTokenViT',
        num_tokens=6,
        arch=dict(
            embed_dims=192,
            num_layers=2,
            num_heads=3,
            feedforward_channels=384,
        ),
        img_size=224,
        patch_size=16,
        stem=dict(_base_.model.backbone),
        stem_channels=320,
    ),
    decode_head=dict(
        _delete_=True,
        type='mmseg_wsss.TokenCAMHead',
        in_channels=192,
        num_classes=7,
        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss'),
            dict(type='mmseg_wsss.TokenLoss'),
        ],
    ),
)
long_side = dict(type='Resize', scale=_base_.size, keep_ratio=True)
whole_patches = dict(type='ResizeToMultiple', size_divisor=16)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    long_side,
    whole_patches,
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
seed_pipeline = [
    dict(type='LoadImageFromFile'),
    long_side,
    whole_patches,
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    long_side,
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
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=seed_pipeline))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'backbone.layers': dict(lr_mult=3)},
    )
)
