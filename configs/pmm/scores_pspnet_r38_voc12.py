# The labels of PMM's second round: PSPNet's scores of the training images,
# over scales and flips, restricted to the image labels.
#   python tools/make_cams.py CONFIG CHECKPOINT --tta --out-dir OUT
_base_ = './ce_pspnet_r38_20k_voc12-512x512.py'
load_image, resize, with_scales = _base_.tta_pipeline
tta_pipeline = [
    load_image,
    resize,
    dict(
        type='TestTimeAug',
        transforms=[
            *with_scales.transforms[:3],
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
