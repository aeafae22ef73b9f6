# CSD on MCTformer-V2, VOC 2012, with our values, as in
# csd_r50_voc12_min-max.py.
_base_ = './csd_deit-s_voc12.py'
losses = [_base_.gap_loss, _base_.token_loss, _base_.csd_loss]
model = dict(decode_head=dict(loss_decode=losses))
