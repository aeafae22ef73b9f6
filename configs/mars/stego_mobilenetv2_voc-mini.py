# STEGO on MobileNetV2's features of voc_mini, for a CPU:
#   python tools/make_neighbours.py CONFIG
#   python tools/train.py CONFIG
#   python tools/extract_features.py CONFIG
# The backbone was trained on ImageNet with labels, so these features are not
# unsupervised; no pixel was ever labelled. The last checkpoint is used; the
# one of the lowest loss on held-out images is best_loss_iter_*.pth.
_base_ = [
    '../_base_/datasets/voc_mini.py',
    '../_base_/schedules/stego_5k.py',
    '../_base_/default_runtime.py',
]
work_dir = 'work_dirs/stego_mobilenetv2_voc-mini'
neighbour_file = work_dir + '/neighbours.npz'
crop_size = (192, 192)
iters = 400
extractor = dict(
    type='mmseg_wsss.BackboneFeatures',
    backbone=dict(
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(6,),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='data/weights/mobilenet_v2_imagenet.pth',
            prefix='backbone.',
        ),
    ),
    mean=[127.5, 127.5, 127.5],
    std=[127.5, 127.5, 127.5],
    size_divisor=16,
)
model = dict(
    type='mmseg_wsss.STEGO',
    extractor=extractor,
    loss=dict(
        type='mmseg_wsss.STEGOLoss',
        # Feature correlations are on average 0.5 within an image, 0.3 between
        # neighbours and 0.2 between random images.
        shifts={'self': 0.45, 'knn': 0.3, 'random': 0.4},
    ),
)
feature_extractor = dict(
    type='mmseg_wsss.STEGOFeatures',
    extractor=extractor,
    checkpoint=f'{work_dir}/iter_{iters}.pth',
)
feature_extraction = dict(scales=(1.0, 2.0), flip=True, stride=8)
custom_hooks = []
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='RandomChoiceResize',
        scales=[192, 224, 256],
        resize_type='ResizeShortestEdge',
        max_size=1024,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
neighbour_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeShortestEdge', scale=192, max_size=1024),
    dict(type='CenterCrop', crop_size=crop_size),
    dict(type='PackSegInputs'),
]
images = dict(
    type=_base_.dataset_type,
    metainfo=_base_.metainfo,
    data_root=_base_.data_root,
    data_prefix=dict(img_path='JPEGImages'),
    ann_file='ImageSets/Segmentation/train_aug.txt',
)
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='mmseg_wsss.SeededSampler'),
    dataset=dict(
        _delete_=True,
        type='mmseg_wsss.NeighbourPairs',
        part='train',
        neighbours=neighbour_file,
        dataset=dict(**images, pipeline=train_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=15,
    dataset=dict(
        _delete_=True,
        type='mmseg_wsss.NeighbourPairs',
        part='held_out',
        neighbours=neighbour_file,
        dataset=dict(**images, pipeline=neighbour_pipeline),
    ),
)
# The images that tools/make_neighbours.py and tools/extract_features.py work
# on; tools/test.py has nothing to do.
test_dataloader = dict(
    dataset=dict(
        _delete_=True, **images, pipeline=[dict(type='LoadImageFromFile')]
    )
)
val_evaluator = [dict(type='mmseg_wsss.MeanLossMetric')]
test_evaluator = val_evaluator
train_cfg = dict(max_iters=iters, val_interval=100)
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=20))
