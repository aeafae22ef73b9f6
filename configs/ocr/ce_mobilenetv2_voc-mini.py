# A segmentor trained with cross-entropy on voc_mini's pseudo labels, the
# baseline of ocr_mobilenetv2_voc-mini.py.
_base_ = [
    '../_base_/models/deeplabv3plus_mobilenetv2.py',
    '../_base_/datasets/voc_mini.py',
    '../_base_/schedules/sgd_30e.py',
    '../_base_/losses/ocr.py',
    '../_base_/default_runtime.py',
]
epochs = 5
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='data/weights/mobilenet_v2_imagenet.pth',
            prefix='backbone.',
        )
    ),
    decode_head=dict(num_classes=7),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_wsss.ChannelsLastHook'),
]
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=3e-4, weight_decay=1e-2),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10)}),
)
param_scheduler = [
    dict(
        type='PolyLR',
        eta_min=0,
        power=0.9,
        begin=0,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
val_evaluator = [*_base_.val_evaluator, _base_.anchor_metric]
test_evaluator = val_evaluator
