# IRN on voc_mini. From seeds to pseudo labels:
#   D=data/voc_mini
#   python tools/make_pseudo_labels.py CONFIG --pipeline label_pipeline \
#       --out-dir $D/irn_labels
#   python tools/train.py CONFIG
#   python tools/make_pseudo_labels.py CONFIG --out-dir $D/irn
_base_ = [
    '../_base_/models/irn_mobilenetv2.py',
    '../_base_/datasets/voc_mini_refine.py',
    '../_base_/schedules/irn_sgd_3e.py',
    '../_base_/default_runtime.py',
]
epochs = 4
checkpoint = f'work_dirs/irn_mobilenetv2_voc-mini/epoch_{epochs}.pth'
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    # MobileNetV2's features know less of boundaries than ResNet-50's: they
    # are trained too.
    backbone=dict(
        frozen_stages=-1,
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='data/weights/mobilenet_v2_imagenet.pth',
            prefix='backbone.',
        ),
    ),
    # The crop has 56 x 56 cells where IRN's has 128 x 128.
    decode_head=dict(num_classes=7, radius=5, detach=False),
)
find_unused_parameters = False
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_wsss.ChannelsLastHook'),
]
# Chosen at 256 pixels, where these CAMs are best at a background of 0.4 (0.32
# at 320), the paper's at 0.15.
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
        checkpoint=checkpoint,
        beta=10,
        # A walk's reach grows with the square root of its steps: 256 for IRN's
        # images of 512 pixels.
        steps=100,
        flip=True,
        scale=_base_.size,
    ),
    dict(type='mmseg_wsss.NormaliseScores', over='joint'),
    dict(type='mmseg_wsss.AddBackground', constant=0.45),
]
refine_pipeline = [*walked, dict(type='mmseg_wsss.ScoresToLabel')]
# DenseCRF after the walk.
crf_pipeline = [
    *walked,
    dict(type='mmseg_wsss.DenseCRFRefine', params='irn'),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='irn_labels/labels'))
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
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
