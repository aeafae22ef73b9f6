# IRN's schedule of IRNet: 3 epochs of SGD, batch 32, poly 0.9. The backbone is
# not trained. No validation: IRNet predicts no classes.
#
# IRN's code passes the weight decay to SGD as the momentum too, and so do we.
_base_ = './sgd_30e.py'
epochs = 3
optim_wrapper = dict(optimizer=dict(lr=0.1, momentum=1e-4, weight_decay=1e-4))
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
