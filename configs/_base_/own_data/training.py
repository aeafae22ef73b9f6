# How the CAM network and the segmentor are trained.
_base_ = [
    'mmseg_wsss::_base_/schedules/sgd_30e.py',
    'mmseg_wsss::_base_/default_runtime.py',
    './data.py',
]
epochs = _base_.train_epochs
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_wsss.ChannelsLastHook'),
]
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True,
        type='AdamW',
        lr=_base_.lr,
        weight_decay=1e-2 if _base_.weights else 1e-4,
    ),
    paramwise_cfg=dict(
        custom_keys={'_head': dict(lr_mult=10 if _base_.weights else 1)}
    ),
)
# A trial of one epoch has none.
warm_up = min(max(1, epochs // 10), epochs - 1)
ramp = dict(
    type='LinearLR',
    start_factor=0.1,
    begin=0,
    end=warm_up,
    by_epoch=True,
    convert_to_iter_based=True,
)
param_scheduler = [
    *([ramp] if warm_up else []),
    dict(
        type='PolyLR',
        eta_min=0,
        power=0.9,
        begin=warm_up,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
val_cfg = dict(type='ValLoop') if _base_.has_masks else None
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=max(1, epochs // 10), max_keep_ckpts=2),
)
