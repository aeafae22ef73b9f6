# MCTformer-V2 on the built-in scenes, minutes on a CPU: two transformer layers
# on the map of stride 8 of MobileNetV2, that of the plain CAM network. Needs
# MMPretrain. Train the CAM network first:
#   python tools/train.py configs/cam/cam_mobilenetv2_scenes.py
_base_ = '../cam/cam_mobilenetv2_scenes.py'
custom_imports = dict(
    imports=['mmseg_wsss', 'mmpretrain.models'], allow_failed_imports=False
)
epochs = 6
cam_scales = (1.0,)
stem = dict(
    type='MobileNetV2',
    widen_factor=0.5,
    strides=(1, 2, 2, 1, 1, 1, 1),
    dilations=(1, 1, 1, 1, 1, 1, 1),
    out_indices=(6,),
    norm_cfg=dict(type='BN'),
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/cam_mobilenetv2_scenes/epoch_15.pth',
        prefix='backbone.',
    ),
)
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg_wsss.MultiTokenViT',
        num_tokens=6,
        arch=dict(
            embed_dims=128,
            num_layers=2,
            num_heads=4,
            feedforward_channels=256,
        ),
        img_size=128,
        patch_size=8,
        stem=stem,
        stem_channels=160,
    ),
    decode_head=dict(
        _delete_=True,
        type='mmseg_wsss.TokenCAMHead',
        in_channels=128,
        num_classes=7,
        background_threshold=0.45,
        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss'),
            dict(type='mmseg_wsss.TokenLoss'),
        ],
    ),
)
whole_patches = dict(type='ResizeToMultiple', size_divisor=8)
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
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=seed_pipeline))
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=1e-3,
        total_steps=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
