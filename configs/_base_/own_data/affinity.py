# IRN: a network learns boundaries from what the CAMs are sure of
# (label_pipeline); the CAMs then spread until a boundary stops them, and are
# refined as in refine.py. Needs DenseCRF: pip install "mmseg_wsss[crf]"
_base_ = [
    'mmseg_wsss::_base_/models/irn_mobilenetv2.py',
    'mmseg_wsss::_base_/schedules/irn_sgd_3e.py',
    './refine.py',
]
epochs = _base_.more_epochs
# The pipeline starts it from the CAM network.
model = dict(data_preprocessor=dict(size=_base_.crop_size), **_base_.irn_model)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_wsss.ChannelsLastHook'),
]
# Thresholds, rates and steps are those of configs/irn for voc_mini.
label_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.IRNConfidentLabels', foreground=0.55, background=0.3
    ),
]
walked = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=f'{_base_.data_root}/affinity.pth',
        beta=10,
        # A walk's reach grows with the square root of its steps; IRN takes
        # 256 for twice this size.
        steps=max(1, round(64 * (_base_.size / 256) ** 2)),
        flip=True,
        scale=(_base_.size, _base_.size),
    ),
    dict(type='mmseg_wsss.NormaliseScores', over='joint'),
    # What is below is background. A larger constant makes objects smaller.
    dict(type='mmseg_wsss.AddBackground', constant=0.45),
]
seed_pipeline = [*walked, _base_.to_label]
local_pipeline = [*walked, _base_.local, _base_.to_label]
crf_pipeline = [*walked, _base_.crf, _base_.to_label]
find_unused_parameters = _base_.irn_has_unused
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=1e-4),
    paramwise_cfg=dict(_delete_=True, **_base_.irn_rates),
)
param_scheduler = _base_.poly
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=max(1, epochs // 10), max_keep_ckpts=2),
)
