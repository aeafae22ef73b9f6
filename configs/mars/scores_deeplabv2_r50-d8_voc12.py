# The labels of a second round: DeepLabV2's scores of the training images, of
# its test's scales and flips, restricted to the image labels.
#   python tools/make_cams.py CONFIG CHECKPOINT --tta --out-dir OUT
_base_ = './ce_deeplabv2_r50-d8_voc12-512x512.py'
load_image, with_scales = _base_.tta_pipeline
scales, flips, load_mask, _ = with_scales.transforms
pack = dict(type='mmseg_wsss.PackWSSSInputs')
tta_pipeline = [
    load_image,
    dict(
        type='TestTimeAug',
        transforms=[
            *(scales, flips, load_mask),
            *([_base_.load_image_labels], [pack]),
        ],
    ),
]
test_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(seg_map_path='SegmentationClassAug'),
    )
)
