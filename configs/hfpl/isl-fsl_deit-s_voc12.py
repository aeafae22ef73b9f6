# ISL and FSL on the DeiT-S CAM network, VOC 2012. As the paper does for
# MCTformer: maps of 14 x 14 are enlarged to 56 x 56, and AdamW takes a tenth
# of both weights.
_base_ = [
    '../cam/cam_deit-s_voc12.py',
    '../_base_/losses/hfpl.py',
]
isl_loss = {**_base_.isl_loss, 'isl_weight': 0.02}
fsl_loss = {**_base_.fsl_loss, 'upsample': 4, 'loss_weight': 0.1}
model = dict(decode_head=dict(loss_decode=[isl_loss, fsl_loss]))
