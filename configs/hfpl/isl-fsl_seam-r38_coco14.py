# ISL and FSL on SEAM, COCO 2014: as isl-fsl_seam-r38_voc12.py, with a fifth of
# FSL's weight (paper, Sec. 5.1).
_base_ = ['../seam/seam_r38_coco14.py', '../_base_/losses/hfpl.py']
isl_loss = {**_base_.isl_loss, 'loss_weight': 0.5}
fsl_loss = {**_base_.published_fsl_loss, 'loss_weight': 0.2}
losses = [isl_loss, fsl_loss, _base_.seam_loss]
model = dict(decode_head=dict(loss_decode=losses))
