# The labels of a second round: DeepLabV2's scores of the training images, of
# voc12_cam.py's scales and flips, restricted to the image labels.
#   python tools/make_cams.py CONFIG CHECKPOINT --tta --out-dir OUT
_base_ = './ce_deeplabv2_r50-d8_voc12-512x512.py'
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True)
                for r in (0.5, 1.0, 1.5, 2.0)
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
    )
)
