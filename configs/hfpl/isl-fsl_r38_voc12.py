# ISL and FSL on the plain ResNet38 CAM network, VOC 2012, with the paper's
# values. The paper adds them to SEAM: isl-fsl_seam-r38_voc12.py.
_base_ = [
    '../cam/cam_r38_voc12.py',
    '../_base_/losses/hfpl.py',
]
model = dict(decode_head=dict(loss_decode=[_base_.isl_loss, _base_.fsl_loss]))
