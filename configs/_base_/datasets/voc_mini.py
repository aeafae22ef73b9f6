# A small VOC: 895 training and 181 validation photos of long side 320 in VOC
# layout, six classes that are common enough to score. Classes that are left
# out are ignored in masks and dropped from image labels.
dataset_type = 'PascalVOCDataset'
data_root = 'data/voc_mini'
label_file = data_root + '/cls_labels.npy'
size = (320, 320)
crop_size = (224, 224)
metainfo = dict(
    classes=('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'),
    palette=[
        [0, 0, 0],
        [64, 0, 0],
        [64, 128, 0],
        [64, 0, 128],
        [192, 0, 128],
        [192, 128, 128],
        [128, 64, 0],
    ],
)
load_image_labels = dict(
    type='mmseg_wsss.LoadImageLabels',
    ann_file=label_file,
    classes=dataset_type,
)
resize = dict(
    type='RandomResize',
    scale=size,
    ratio_range=(0.7, 1.3),
    keep_ratio=True,
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    load_image_labels,
    resize,
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
# Of CAM networks and of segmentors; with the image labels.
cam_scales = (0.5, 1.0, 1.5, 2.0)
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True)
                for r in cam_scales
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadAnnotations')],
            [load_image_labels],
            [dict(type='mmseg_wsss.PackWSSSInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        metainfo=metainfo,
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='pseudo_labels'),
        ann_file='ImageSets/Segmentation/train_aug.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        metainfo=metainfo,
        data_root=data_root,
        data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClassAug'
        ),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmseg_wsss.OutOfCandidateMetric'),
    dict(type='mmseg_wsss.FalseRateMetric'),
]
test_evaluator = val_evaluator
