# AffinityNet (PSA) on the scenes. From seeds to pseudo labels:
#   D=data/scenes
#   python tools/make_pseudo_labels.py CONFIG --pipeline label_pipeline \
#       --out-dir $D/psa_labels
#   python tools/train.py CONFIG
#   python tools/make_pseudo_labels.py CONFIG --out-dir $D/psa
_base_ = [
    '../_base_/models/affinity_mobilenetv2.py',
    '../_base_/datasets/scenes_refine.py',
    '../_base_/schedules/psa_sgd_8e.py',
    '../_base_/default_runtime.py',
]
epochs = 8
# There are no ImageNet weights for drawings: start from the CAM network.
load_from = 'work_dirs/cam_mobilenetv2_scenes/epoch_15.pth'
checkpoint = f'work_dirs/psa_mobilenetv2_scenes/epoch_{epochs}.pth'
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        widen_factor=0.5,
        dilations=(1, 1, 1, 1, 1, 1, 1),
    ),
    decode_head=dict(
        in_channels=[16, 48, 160],
        reduced_channels=[16, 32, 64],
        num_classes=7,
    ),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_wsss.ChannelsLastHook'),
]
label_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.PSAConfidentLabels',
        low_alpha=1,
        high_alpha=4,
        params=dict(preset='irn', bilateral_sxy=25),
    ),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', alpha=2),
    # A walk's reach grows with the square root of its steps: a third of the
    # size of PSA's images, a ninth of its 256 steps.
    dict(
        type='mmseg_wsss.RandomWalk', checkpoint=checkpoint, beta=8, steps=28
    ),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='psa_labels/labels'))
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=1e-4),
    paramwise_cfg=dict(
        _delete_=True, custom_keys={'backbone': dict(lr_mult=0.1)}
    ),
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
