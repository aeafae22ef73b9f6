# ISL alone on SEAM, VOC 2012 (paper, Table 4). ISL is on the first view only:
# its weight is 0.1 of the classification loss of both.
_base_ = ['../seam/seam_r38_voc12.py', '../_base_/losses/hfpl.py']
isl_loss = {**_base_.isl_loss, 'loss_weight': 0.5}
model = dict(decode_head=dict(loss_decode=[isl_loss, _base_.seam_loss]))
