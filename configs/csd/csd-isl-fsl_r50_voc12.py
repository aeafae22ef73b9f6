# CSD, with the paper's values, together with ISL and FSL on IRN's ResNet-50
# CAM network, VOC 2012.
_base_ = [
    './csd_r50_voc12.py',
    '../_base_/losses/hfpl.py',
]
# As configs/hfpl/isl-fsl_r50_voc12.py has them.
isl_loss = {**_base_.isl_loss, 'isl_weight': 0.02}
fsl_loss = {**_base_.published_fsl_loss, 'upsample': 2, 'loss_weight': 0.1}
model = dict(
    decode_head=dict(loss_decode=[isl_loss, fsl_loss, _base_.paper_csd_loss])
)
