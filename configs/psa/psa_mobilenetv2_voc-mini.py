# AffinityNet (PSA) on voc_mini. From seeds to pseudo labels:
#   D=data/voc_mini
#   python tools/make_pseudo_labels.py CONFIG --pipeline label_pipeline \
#       --out-dir $D/psa_labels
#   python tools/train.py CONFIG
#   python tools/make_pseudo_labels.py CONFIG --out-dir $D/psa
_base_ = [
    '../_base_/models/affinity_mobilenetv2.py',
    '../_base_/datasets/voc_mini_refine.py',
    '../_base_/schedules/psa_sgd_8e.py',
    '../_base_/default_runtime.py',
]
epochs = 4
checkpoint = f'work_dirs/psa_mobilenetv2_voc-mini/epoch_{epochs}.pth'
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
# These CAMs are best at a background of 0.4 where the paper's are at 0.15:
# (1 - m)^alpha = m at 0.5, 0.28 and 0.38 for alpha 1, 4 and 2.
label_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PSAConfidentLabels', low_alpha=1, high_alpha=4),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', alpha=2),
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=checkpoint,
        beta=8,
        # A walk's reach grows with the square root of its steps: 256 for PSA's
        # images of 512 pixels.
        steps=100,
        scale=_base_.size,
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
