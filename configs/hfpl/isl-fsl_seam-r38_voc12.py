# ISL and FSL on SEAM, VOC 2012: the paper's main row. As in its code, ISL is
# on the first view, so that its weight is 0.1 of the classification loss of
# both, and FSL has the min-max gate and the background channel.
_base_ = ['../seam/seam_r38_voc12.py', '../_base_/losses/hfpl.py']
isl_loss = {**_base_.isl_loss, 'loss_weight': 0.5}
fsl_loss = {**_base_.fsl_loss, 'gate': 'min_max', 'with_background': True}
model = dict(
    decode_head=dict(loss_decode=[isl_loss, fsl_loss, _base_.seam_loss])
)
