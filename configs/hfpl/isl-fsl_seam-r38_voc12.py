# ISL and FSL on SEAM, VOC 2012: the paper's main row, FSL as published. ISL is
# on the first view, so that its weight is 0.1 of the classification loss of
# both, as in the paper's code.
_base_ = ['../seam/seam_r38_voc12.py', '../_base_/losses/hfpl.py']
isl_loss = {**_base_.isl_loss, 'loss_weight': 0.5}
losses = [isl_loss, _base_.published_fsl_loss, _base_.seam_loss]
model = dict(decode_head=dict(loss_decode=losses))
