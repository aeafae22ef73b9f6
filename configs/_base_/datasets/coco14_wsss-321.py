# MS COCO 2014 as 81 classes with image labels and pseudo labels. Make masks,
# labels and the list of the 82,081 images with a class from the instances:
#   tools/dataset_converters/coco_instances2json.py
#   tools/dataset_converters/coco_instances2masks.py
dataset_type = 'mmseg_wsss.COCO2014Dataset'
data_root = 'data/coco2014'
label_file = data_root + '/image_labels_train.json'
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
        scale=(640, 640),
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
        data_prefix=dict(img_path='train2014', seg_map_path='pseudo_labels'),
        ann_file='train.txt',
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
        data_prefix=dict(img_path='val2014', seg_map_path='masks_val'),
        ann_file='val.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmseg_wsss.OutOfCandidateMetric'),
]
test_evaluator = val_evaluator
