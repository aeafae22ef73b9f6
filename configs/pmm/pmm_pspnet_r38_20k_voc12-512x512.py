# Segmentor of PMM on VOC 2012: PSPNet on ResNet38, SGD at 0.005, 20 thousand
# iterations; tested in windows of 512 at steps of 480 (DenseCRFHook with
# params='stego' is the paper's CRF). Batch, crop and augmentation are our
# reading: 16 images, on several GPUs divide train_dataloader.batch_size.
# Needs pseudo labels (ppmg_voc12.py) and converted ImageNet weights, see
# configs/ocr/README.md.
_base_ = [
    '../_base_/models/pspnet_r38.py',
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/schedules/iters_20k.py',
    '../_base_/losses/pmm.py',
    '../_base_/default_runtime.py',
]
crop_size = (512, 512)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth'
        )
    ),
    decode_head=dict(
        loss_decode=dict(_delete_=True, **_base_.under_fitting_loss)
    ),
    auxiliary_head=dict(
        loss_decode=dict(
            _delete_=True, **{**_base_.under_fitting_loss, 'loss_weight': 0.4}
        )
    ),
    test_cfg=dict(mode='slide', crop_size=crop_size, stride=(480, 480)),
)
optim_wrapper = dict(optimizer=dict(lr=0.005))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(2048, 512),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
# With the image labels, which predictions on the training images keep to.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            *_base_.tta_pipeline[1].transforms[:3],
            [_base_.load_image_labels],
            [dict(type='mmseg_wsss.PackWSSSInputs')],
        ],
    ),
]
