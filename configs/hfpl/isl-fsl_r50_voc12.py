# ISL and FSL on IRN's ResNet-50 CAM network, VOC 2012. Its maps of 32 x 32
# are enlarged to 64 x 64, as the paper does for SIPE.
_base_ = [
    '../cam/cam_r50_voc12.py',
    '../_base_/losses/hfpl.py',
]
fsl_loss = {**_base_.fsl_loss, 'upsample': 2}
model = dict(decode_head=dict(loss_decode=[_base_.isl_loss, fsl_loss]))
