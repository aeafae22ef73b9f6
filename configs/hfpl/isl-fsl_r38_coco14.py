# ISL and FSL on the plain ResNet38 CAM network, COCO 2014, as in the published
# code: FSL has a fifth of the weight (paper, Sec. 5.1).
_base_ = [
    '../cam/cam_r38_coco14.py',
    '../_base_/losses/hfpl.py',
]
fsl_loss = {**_base_.published_fsl_loss, 'loss_weight': 0.2}
model = dict(decode_head=dict(loss_decode=[_base_.isl_loss, fsl_loss]))
