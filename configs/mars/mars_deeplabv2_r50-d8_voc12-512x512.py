# MARS with DeepLabV2 R50 on debiased IRN labels of VOC 2012 (debias_voc12.py).
# Crop, colours and schedule are DHR's, by the paper's first author; the paper
# follows "the training details in all USS and WSSS papers".
_base_ = [
    '../_base_/models/deeplabv2_r50-d8.py',
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/datasets/colour_jitter.py',
    '../_base_/schedules/dhr_66k.py',
    '../_base_/losses/mars.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(
    imports=['mmseg_wsss', 'mmpretrain.datasets'],
    allow_failed_imports=False,
)
crop_size = (512, 512)
model = dict(
    data_preprocessor=dict(size=crop_size),
    decode_head=dict(sampler=_base_.mars_sampler),
)
custom_hooks = [*_base_.custom_hooks, _base_.mars_hook]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(500, 500),
        ratio_range=(0.64, 1.28),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    _base_.colour_jitter,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(
        data_prefix=dict(seg_map_path='debiased/labels'),
        pipeline=train_pipeline,
    ),
)
