# IRN on the scenes. From seeds to pseudo labels:
#   D=data/scenes
#   python tools/make_pseudo_labels.py CONFIG --pipeline label_pipeline \
#       --out-dir $D/irn_labels
#   python tools/train.py CONFIG
#   python tools/make_pseudo_labels.py CONFIG --out-dir $D/irn
_base_ = [
    '../_base_/models/irn_mobilenetv2.py',
    '../_base_/datasets/scenes_refine.py',
    '../_base_/schedules/irn_sgd_3e.py',
    '../_base_/default_runtime.py',
]
epochs = 6
# There are no ImageNet weights for drawings: start from the CAM network, and
# train it on, since its features know classes but no boundaries. The crop has
# 32 x 32 cells where IRN's has 128 x 128: pairs are nearer, radius 5.
load_from = 'work_dirs/cam_mobilenetv2_scenes/epoch_15.pth'
checkpoint = f'work_dirs/irn_mobilenetv2_scenes/epoch_{epochs}.pth'
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        widen_factor=0.5,
        strides=(1, 2, 2, 1, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
        frozen_stages=-1,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=False,
    ),
    decode_head=dict(
        in_channels=[16, 16, 48, 160],
        num_classes=7,
        radius=5,
        detach=False,
    ),
)
find_unused_parameters = False
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_wsss.ChannelsLastHook'),
]
label_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.IRNConfidentLabels',
        foreground=0.5,
        background=0.3,
        params=dict(preset='irn', bilateral_sxy=25),
    ),
]
walked = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=checkpoint,
        beta=10,
        # A walk's reach grows with the square root of its steps: a third of
        # the size of IRN's images, a ninth of its 256 steps.
        steps=28,
        flip=True,
    ),
    dict(type='mmseg_wsss.NormaliseScores', over='joint'),
    dict(type='mmseg_wsss.AddBackground', constant=0.4),
]
refine_pipeline = [*walked, dict(type='mmseg_wsss.ScoresToLabel')]
# DenseCRF after the walk.
crf_pipeline = [
    *walked,
    dict(
        type='mmseg_wsss.DenseCRFRefine',
        params=dict(preset='irn', bilateral_sxy=25),
    ),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='irn_labels/labels'))
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=1e-4),
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
