# Plain CAM network on voc_mini. Testing it evaluates the seeds: the CAMs of
# the training images, masked to their image labels; with --tta summed over
# scales and flips.
_base_ = [
    '../_base_/models/cam_mobilenetv2.py',
    '../_base_/datasets/voc_mini.py',
    '../_base_/schedules/sgd_30e.py',
    '../_base_/default_runtime.py',
]
epochs = 4
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='data/weights/mobilenet_v2_imagenet.pth',
            prefix='backbone.',
        )
    ),
    decode_head=dict(num_classes=7),
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
    dict(type='PhotoMetricDistortion'),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
seed_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=_base_.size, keep_ratio=True),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
tta_model = dict(type='mmseg_wsss.CAMTTAModel')
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/train_aug.txt',
        pipeline=seed_pipeline,
    )
)
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmseg_wsss.ContourMetric', ignore='mask'),
    dict(type='mmseg_wsss.FalseRateMetric'),
]
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=3e-4, weight_decay=1e-2),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10)}),
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
