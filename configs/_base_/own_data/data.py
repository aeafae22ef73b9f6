# What all stages share: the data set and its pipelines.
_base_ = './mobilenetv2.py'
data_root = _base_.data_root
classes = _base_.classes
has_masks = _base_.has_masks
size = _base_.size
num_workers = 2

# Upright, opaque, 8-bit RGB, new photos of any kind and size too.
load_image = dict(
    type='LoadImageFromFile',
    backend_args=dict(backend='mmseg_wsss.photo', max_side=_base_.max_side),
)
load_image_labels = dict(
    type='mmseg_wsss.LoadImageLabels',
    ann_file=f'{data_root}/image_labels.json',
    classes=classes,
    allow_empty=True,  # photos without any class show background alone
)
fit = dict(type='Resize', scale=(size, size), keep_ratio=True)
augment = [
    dict(
        type='RandomResize',
        scale=(size, size),
        ratio_range=(0.75, 1.25),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
# Pseudo labels take the place of masks.
train_pipeline = [
    load_image,
    dict(type='LoadAnnotations'),
    load_image_labels,
    *augment,
]
test_pipeline = [
    load_image,
    fit,
    *([dict(type='LoadAnnotations')] if has_masks else []),
    # To count pixels of absent classes. New photos have none.
    {**load_image_labels, 'required': False},
    dict(type='mmseg_wsss.PackWSSSInputs', require_labels=False),
]
# Of CAM networks and of segmentors; with the image labels.
cam_scales = (0.5, 1.0, 1.5, 2.0)
tta_pipeline = [
    load_image,
    fit,
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
            [load_image_labels],
            [dict(type='mmseg_wsss.PackWSSSInputs')],
        ],
    ),
]
images = dict(
    type='BaseSegDataset',
    metainfo=dict(classes=classes, palette=_base_.palette),
    data_root=data_root,
    # Every photo is called .jpg here; readers look at what is inside.
    img_suffix='.jpg',
)
train_dataloader = dict(
    batch_size=_base_.batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    # A last batch of one photo would stop batch normalisation.
    drop_last=True,
    sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True),
    dataset=dict(
        **images,
        data_prefix=dict(img_path='images', seg_map_path='pseudo_labels'),
        ann_file='train.txt',
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **images,
        data_prefix=dict(
            img_path='images',
            **(dict(seg_map_path='masks') if has_masks else {}),
        ),
        ann_file='val.txt',
        pipeline=test_pipeline,
    ),
)
if has_masks:
    val_dataloader = test_dataloader
    val_evaluator = [
        dict(type='IoUMetric', iou_metrics=['mIoU']),
        dict(type='mmseg_wsss.OutOfCandidateMetric'),
        dict(type='mmseg_wsss.FalseRateMetric'),
    ]
    test_evaluator = val_evaluator
else:
    # Nothing to compare with: predictions are written, and it is counted how
    # many pixels are of a class that the photo does not have.
    val_dataloader = None
    val_evaluator = None
    test_evaluator = [
        dict(
            type='IoUMetric',
            format_only=True,
            output_dir=f'{data_root}/predictions',
        ),
        dict(
            type='mmseg_wsss.OutOfCandidateMetric', labels_from='image_labels'
        ),
    ]
# For a network that is trained again, from weights of the same photos.
poly = [
    dict(
        type='PolyLR',
        eta_min=0,
        power=0.9,
        begin=0,
        end=_base_.more_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
