# PSA's schedule of AffinityNet: 8 epochs of SGD, batch 8, poly 0.9, ten times
# the rate for the new layers, which have no biases; twice the rate and no
# decay for the backbone's biases. No validation: an affinity network predicts
# no classes.
#
# PSA's code passes the weight decay to SGD as the momentum too, and so do we.
# SEAM, HFPL and MCTformer: lr=0.01; MCTformer 5 epochs.
_base_ = './sgd_30e.py'
epochs = 8
optim_wrapper = dict(
    optimizer=dict(lr=0.1, momentum=5e-4, weight_decay=5e-4),
    paramwise_cfg=dict(
        custom_keys={
            '.bias': dict(lr_mult=2, decay_mult=0),
            'decode_head': dict(lr_mult=10),
        }
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
val_cfg = None
