# Spatial-BCE on the built-in scenes, whole pictures squashed to 128 x 128. The
# backbone starts from the plain CAM network, whose pseudo labels, in
# data/scenes/pseudo_labels, give the shares:
#   python tools/train.py configs/cam/cam_mobilenetv2_scenes.py
#   write its CAMs, and refine them by configs/crf/crf_scenes.py
_base_ = ['../cam/cam_mobilenetv2_scenes.py']
epochs = 6
model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/cam_mobilenetv2_scenes/epoch_15.pth',
            prefix='backbone.',
        )
    ),
    decode_head=dict(
        type='mmseg_wsss.PolarHead',
        background_threshold=0.5,
        loss_decode=dict(type='mmseg_wsss.SpatialBCE'),
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='Resize', scale=_base_.crop_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
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
