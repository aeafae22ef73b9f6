# Segmentor of SEAM and HFPL on VOC 2012, from their code: batch 10 (on several
# GPUs with --split-batch), crop 448, scale 0.5 to 1.5. Needs
# pseudo labels and converted ImageNet weights, see configs/ocr/README.md.
_base_ = [
    '../_base_/models/deeplab-largefov_r38-bn.py',
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/schedules/hfpl_20k.py',
    '../_base_/default_runtime.py',
]
crop_size = (448, 448)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth'
        )
    ),
)
# The code shifts hue, saturation and value by up to 10; MMSeg does not shift
# the saturation.
colour_shift = dict(
    type='PhotoMetricDistortion',
    brightness_delta=10,
    contrast_range=(1, 1),
    saturation_range=(1, 1),
    hue_delta=10,
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(500, 500),
        ratio_range=(0.5, 1.5),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    colour_shift,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    batch_size=10,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
