# ISL and FSL: the CAM network of your photos, trained on with both.
_base_ = ['./cam.py', 'mmseg_wsss::_base_/losses/hfpl.py']
epochs = _base_.more_epochs
# The paper's weight is 1 for SGD and 0.1 for AdamW; 0.3 was better on the
# scenes.
fsl_loss = {**_base_.fsl_loss, 'upsample': 2, 'loss_weight': 0.3}
model = dict(decode_head=dict(loss_decode=[_base_.isl_loss, fsl_loss]))
optim_wrapper = dict(optimizer=dict(lr=_base_.lr / 2))
param_scheduler = _base_.poly
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
