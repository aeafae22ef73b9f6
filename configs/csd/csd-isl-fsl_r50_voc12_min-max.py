# CSD together with ISL and FSL on IRN's ResNet-50 CAM network, VOC 2012, with
# our values of CSD, as in csd_r50_voc12_min-max.py.
_base_ = './csd-isl-fsl_r50_voc12.py'
losses = [_base_.isl_loss, _base_.fsl_loss, _base_.csd_loss]
model = dict(decode_head=dict(loss_decode=losses))
