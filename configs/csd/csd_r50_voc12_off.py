# The baseline of csd_r50_voc12.py: the same images in the same order for as
# many epochs, with CSD's weights at 0.
_base_ = './csd_r50_voc12.py'
csd_off = dict(_base_.paper_csd_loss, fg_weight=0, bg_weight=0)
model = dict(decode_head=dict(loss_decode=[_base_.gap_loss, csd_off]))
