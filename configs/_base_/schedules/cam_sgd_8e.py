# SEAM's and HFPL's schedule of CAM networks: 8 epochs of SGD, poly 0.9, four
# learning-rate groups as in PSA: once for the backbone's weights, twice for
# its biases, ten and twenty times for those of the new layers; no decay on
# biases. The longest key that a parameter's name contains wins: a decode head
# with more new layers needs the key of each one's bias.
#
# The code of PSA, SEAM and HFPL hands the weight decay to SGD in the place of
# the momentum, so that the published networks were trained with almost none.
# Ours has 0.9 at a tenth of the rate. As published:
#   optim_wrapper = dict(optimizer=_base_.published_optimizer)
# PSA itself: lr=0.1, 15 epochs, batch 16.
_base_ = './sgd_30e.py'
epochs = 8
published_optimizer = dict(
    type='SGD', lr=0.01, momentum=5e-4, weight_decay=5e-4
)
optim_wrapper = dict(
    optimizer=dict(lr=0.001, weight_decay=5e-4),
    paramwise_cfg=dict(
        custom_keys={
            '.bias': dict(lr_mult=2, decay_mult=0),
            'decode_head': dict(lr_mult=10),
            'decode_head.conv_seg.bias': dict(lr_mult=20, decay_mult=0),
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
