# Plain CAM network on the built-in scenes, from scratch, minutes on a CPU.
# Testing it evaluates the seeds: the CAMs of the training images, masked to
# their image labels; with --tta summed over scales and flips.
_base_ = [
    '../_base_/models/cam_mobilenetv2.py',
    '../_base_/datasets/scenes.py',
    '../_base_/schedules/sgd_30e.py',
    '../_base_/default_runtime.py',
]
epochs = 15
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        widen_factor=0.5,
        strides=(1, 2, 2, 1, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
    ),
    decode_head=dict(
        in_channels=160,
        num_classes=7,
        dropout_ratio=0.0,
        background_threshold=0.45,
    ),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_wsss.ChannelsLastHook'),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    _base_.resize,
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
seed_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
tta_model = dict(type='mmseg_wsss.CAMTTAModel')
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/train.txt', pipeline=seed_pipeline
    )
)
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmseg_wsss.ContourMetric'),
    dict(type='mmseg_wsss.FalseRateMetric'),
]
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=1e-4)
)
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=2e-3,
        total_steps=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
