# CSD on IRN's ResNet-50 CAM network, VOC 2012, with our values: the classes of
# each cell scaled to [0, 1], both weights 0.01.
_base_ = './csd_r50_voc12.py'
model = dict(decode_head=dict(loss_decode=[_base_.gap_loss, _base_.csd_loss]))
