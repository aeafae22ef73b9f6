# Plain CAM network on ResNet-50 at output stride 16, VOC 2012: IRN's sizes
# (crop 512, long side 320 to 640, batch 16, 5 epochs). IRN's optimizer ran
# with almost no momentum by mistake; ours has 0.9 at a tenth of its rate.
_base_ = [
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/schedules/sgd_30e.py',
    '../_base_/default_runtime.py',
]
epochs = 5
crop_size = (512, 512)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=crop_size,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1),
        out_indices=(0, 1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    decode_head=dict(
        type='mmseg_wsss.CAMHead',
        in_channels=2048,
        in_index=3,
        num_classes=21,
        dropout_ratio=0.0,
        loss_decode=dict(type='mmseg_wsss.GAPLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    dict(type='RandomResize', scale=[(320, 320), (640, 640)], keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
seed_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(seg_map_path='SegmentationClassAug'),
        pipeline=seed_pipeline,
    )
)
test_evaluator = dict(_delete_=True, type='IoUMetric', iou_metrics=['mIoU'])
optim_wrapper = dict(
    optimizer=dict(lr=0.01, weight_decay=1e-4),
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
