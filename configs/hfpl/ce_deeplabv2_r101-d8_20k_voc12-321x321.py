# DeepLabV2 R101 on pseudo labels of VOC 2012: a reading of HFPL's segmentor
# on ResNet-101, for SIPE and Spatial-BCE. SIPE names
# kazuto1011/deeplab-pytorch, whose values these are; that code starts from
# weights trained on COCO's masks and also learns from two smaller scales, this
# config from ImageNet's and one.
_base_ = [
    '../_base_/models/deeplabv2_r50-d8.py',
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/schedules/hfpl_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    pretrained='torchvision://resnet101',
    backbone=dict(
        depth=101,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
    ),
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
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    batch_size=10,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
# Biases of the head learn twice as fast as its weights, without decay.
classifier_biases = {
    f'decode_head.classifiers.{k}.bias': dict(lr_mult=20, decay_mult=0)
    for k in range(4)
}
optim_wrapper = dict(
    optimizer=dict(lr=2.5e-4),
    paramwise_cfg=dict(
        _delete_=True,
        custom_keys={'decode_head': dict(lr_mult=10), **classifier_biases},
    ),
)
