# Plain CAM network on ResNet38 at output stride 8, MS COCO 2014: the recipe of
# SEAM and HFPL (crop 448, long side 448 to 768, batch 8, 8 epochs, min-max),
# which HFPL uses for COCO too. Needs converted ImageNet weights (see
# configs/ocr/README.md) and MMPretrain, for its ColorJitter.
_base_ = [
    '../_base_/models/cam_r38.py',
    '../_base_/datasets/coco14_cam.py',
    '../_base_/datasets/colour_jitter.py',
    '../_base_/schedules/cam_sgd_8e.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(
    imports=['mmseg_wsss', 'mmpretrain.datasets'],
    allow_failed_imports=False,
)
crop_size = (448, 448)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth'
        )
    ),
    decode_head=dict(num_classes=81, normalise='min_max'),
)
tta_model = dict(type='mmseg_wsss.CAMTTAModel')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(448, 448),
        ratio_range=(1.0, 768 / 448),
        keep_ratio=True,
    ),
    dict(type='RandomFlip', prob=0.5),
    _base_.colour_jitter,
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
