# IRN's schedule of CAM networks: 5 epochs of SGD, poly 0.9, ten times the rate
# for the classifier. Its code passes the weight decay to SGD as the momentum
# too, and so do we.
_base_ = './sgd_30e.py'
epochs = 5
optim_wrapper = dict(
    optimizer=dict(lr=0.1, momentum=1e-4, weight_decay=1e-4),
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
