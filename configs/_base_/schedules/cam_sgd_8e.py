# SEAM's and HFPL's schedule of CAM networks: 8 epochs of SGD, poly 0.9, four
# groups of learning rates as in PSA.
#
# The code of PSA, SEAM and HFPL passes the weight decay to SGD as the momentum
# too, and so do we.
# PSA itself: cam_r38_psa_voc12.py.
_base_ = ['./sgd_30e.py', './four_groups.py']
epochs = 8
optim_wrapper = dict(
    optimizer=dict(lr=0.01, momentum=5e-4, weight_decay=5e-4),
    paramwise_cfg=_base_.four_groups,
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
