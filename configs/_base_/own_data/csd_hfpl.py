# CSD together with ISL and FSL on your photos.
_base_ = ['./csd.py', 'mmseg_wsss::_base_/losses/hfpl.py']
# As in hfpl.py.
fsl_loss = {**_base_.fsl_loss, 'upsample': 2, 'loss_weight': 0.3}
model = dict(
    decode_head=dict(loss_decode=[_base_.isl_loss, fsl_loss, _base_.csd_loss])
)
