# PASCAL VOC 2012 for CAM networks. Testing evaluates the seeds: the CAMs of
# the training images, masked to their image labels; with --tta summed over
# cam_scales and flips. Configs add a train_pipeline without masks. The list is
# train_aug, for labels of all; papers evaluate CAMs on the 1,464 of train:
#   test_dataloader.dataset.ann_file=ImageSets/Segmentation/train.txt
_base_ = './voc12_wsss-321.py'
cam_scales = (0.5, 1.0, 1.5, 2.0)
seed_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
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
            [_base_.load_image_labels],
            [dict(type='mmseg_wsss.PackWSSSInputs')],
        ],
    ),
]
test_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(seg_map_path='SegmentationClassAug'),
        pipeline=seed_pipeline,
    )
)
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmseg_wsss.ContourMetric'),
    dict(type='mmseg_wsss.FalseRateMetric'),
]
