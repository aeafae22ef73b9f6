# A segmentor trained with cross-entropy on the scenes' pseudo labels, from
# scratch: the baseline of ocr_mobilenetv2_scenes.py.
_base_ = [
    '../_base_/models/deeplabv3plus_mobilenetv2.py',
    '../_base_/datasets/scenes.py',
    '../_base_/schedules/sgd_30e.py',
    '../_base_/losses/ocr.py',
    '../_base_/default_runtime.py',
]
epochs = 10
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        widen_factor=0.5,
        strides=(1, 2, 2, 1, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
    ),
    decode_head=dict(
        in_channels=160,
        c1_in_channels=0,
        c1_channels=0,
        channels=64,
        dilations=(1, 4),
        num_classes=7,
    ),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_wsss.ChannelsLastHook'),
]
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=1e-4)
)
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=2e-3,
        total_steps=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
val_evaluator = [*_base_.val_evaluator, _base_.anchor_metric]
test_evaluator = val_evaluator
