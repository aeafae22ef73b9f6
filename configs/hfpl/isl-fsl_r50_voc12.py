# ISL and FSL on IRN's ResNet-50 CAM network, VOC 2012. As the paper does for
# SIPE, whose steps are as large: maps of 32 x 32 are enlarged to 64 x 64, and
# both weights are a tenth.
_base_ = [
    '../cam/cam_r50_voc12.py',
    '../_base_/losses/hfpl.py',
]
isl_loss = {**_base_.isl_loss, 'isl_weight': 0.02}
fsl_loss = {**_base_.published_fsl_loss, 'upsample': 2, 'loss_weight': 0.1}
model = dict(decode_head=dict(loss_decode=[isl_loss, fsl_loss]))
