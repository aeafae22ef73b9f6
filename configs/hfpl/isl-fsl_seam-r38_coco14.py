# ISL and FSL on SEAM, COCO 2014: as isl-fsl_seam-r38_voc12.py, with a fifth of
# FSL's weight (paper, Sec. 5.1).
_base_ = ['../seam/seam_r38_coco14.py', '../_base_/losses/hfpl.py']
isl_loss = {**_base_.isl_loss, 'loss_weight': 0.5}
fsl_loss = {
    **_base_.fsl_loss,
    'gate': 'min_max',
    'with_background': True,
    'loss_weight': 0.2,
}
model = dict(
    decode_head=dict(loss_decode=[isl_loss, fsl_loss, _base_.seam_loss])
)
