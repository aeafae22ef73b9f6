# Segmentor of PMM on VOC 2012: PSPNet on ResNet38, SGD at 0.005, 20 thousand
# iterations; tested at a short side of 512 in windows of 512 at steps of 480
# (DenseCRFHook with params='stego' is the paper's CRF). Batch, crop and
# augmentation are our reading: 16 images.
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
# The photo's short side is 512, as in training, where a window has one side.
load_image, load_mask, pack = _base_.test_pipeline
resize = dict(type='Resize', scale=(2048, 512), keep_ratio=True)
test_pipeline = [load_image, resize, load_mask, pack]
tta_pipeline = [load_image, resize, _base_.tta_pipeline[1]]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
