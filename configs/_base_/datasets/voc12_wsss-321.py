# PASCAL VOC 2012 with image labels and pseudo labels: 10,582 training images
# (train_aug), 1,449 for validation. Crop 321, scale 0.7 to 1.3, no change of
# colours (OCR); flips are those of its baselines.
# Pseudo labels: <data_root>/pseudo_labels/<stem>.png, or name another folder,
#   train_dataloader.dataset.data_prefix.seg_map_path=DIR
# Image labels: the field's cls_labels.npy, or any other file that
# LoadImageLabels reads.
dataset_type = 'PascalVOCDataset'
data_root = 'data/VOCdevkit/VOC2012'
label_file = data_root + '/cls_labels.npy'
crop_size = (321, 321)
load_image_labels = dict(
    type='mmseg_wsss.LoadImageLabels',
    ann_file=label_file,
    classes=dataset_type,
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    load_image_labels,
    dict(
        type='RandomResize',
        scale=(500, 500),
        ratio_range=(0.7, 1.3),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True)
                for r in (0.5, 0.75, 1.0, 1.25, 1.5)
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='pseudo_labels'),
        ann_file='ImageSets/Segmentation/train_aug.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClass'
        ),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmseg_wsss.OutOfCandidateMetric'),
]
test_evaluator = val_evaluator
