# MCTformer+ on DeiT-S/16, VOC 2012: crop 448, batch 32, 45 epochs, the patch
# map pooled by rank, class tokens kept apart, the square root of the coarse
# map, attention of class tokens in all 12 layers, seeds from three scales and
# flips. Rate, decay and augmentation are MCTformer-V2's. Needs MMPretrain.
_base_ = './mctformer_deit-s_voc12.py'
epochs = 45
warmup = 5
cam_scales = (1.0, 0.75, 1.25)
crop_size = (448, 448)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(img_size=448),
    decode_head=dict(
        cross_layers=12,
        fusion='sqrt',
        loss_decode=[
            dict(type='mmseg_wsss.GWRPLoss', decay=0.996),
            dict(type='mmseg_wsss.TokenLoss'),
            dict(type='mmseg_wsss.TokenContrastLoss'),
        ],
    ),
)
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
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True)
                for r in cam_scales
            ],
            [_base_.whole_patches],
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
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    optimizer=dict(lr=3.125e-5),  # 5e-4 * batch size / 512
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.032,  # 1e-6
        begin=0,
        end=warmup,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        begin=warmup,
        end=epochs,
        T_max=epochs - warmup,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
