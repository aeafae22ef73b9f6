# MCTformer's schedule, for CAM networks on ViTs: 60 epochs of AdamW, batch 64,
# 5 epochs of warm-up, cosine. Its code runs in mixed precision: train with
# --amp on a GPU.
_base_ = './sgd_30e.py'
epochs = 60
warmup = 5
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True,
        type='AdamW',
        lr=6.25e-5,  # 5e-4 * batch size / 512
        weight_decay=0.05,
    ),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'pos_embed': dict(decay_mult=0.0),
            'cls_token': dict(decay_mult=0.0),
        },
    ),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.016,  # 1e-6
        begin=0,
        end=warmup,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        begin=warmup,
        end=epochs,
        T_max=epochs - warmup,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
