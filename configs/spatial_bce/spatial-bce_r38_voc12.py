# Spatial-BCE on ResNet38, VOC 2012: 20 epochs of batch 12, whole images
# squashed to 369 x 369. The backbone starts from the plain CAM network, whose
# pseudo labels give the shares:
#   python tools/train.py configs/cam/cam_r38_voc12.py
# The next phase, with labels of this one, starts from its weights:
#   --cfg-options load_from=work_dirs/spatial-bce_r38_voc12/epoch_20.pth
_base_ = ['../cam/cam_r38_voc12.py']
epochs = 20
crop_size = (369, 369)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/cam_r38_voc12/epoch_8.pth',
            prefix='backbone.',
        )
    ),
    decode_head=dict(
        type='mmseg_wsss.PolarHead',
        normalise='max',
        dropout_ratio=0.0,
        loss_decode=dict(type='mmseg_wsss.SpatialBCE'),
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    _base_.colour_jitter,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(batch_size=12, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    optimizer=dict(lr=1e-3, momentum=0.9),
    paramwise_cfg=dict(
        custom_keys={
            'decode_head.log_factor': dict(lr_mult=10, decay_mult=0),
        }
    ),
)
param_scheduler = [
    dict(
        type='PolyLR',
        eta_min=0,
        power=0.9,
        begin=0,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
