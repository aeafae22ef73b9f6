# ISL and FSL on the plain ResNet38 CAM network, VOC 2012, with the paper's
# values. The paper adds them to SEAM: isl-fsl_seam-r38_voc12.py.
_base_ = [
    '../cam/cam_r38_voc12.py',
    '../_base_/losses/hfpl.py',
]
# FSL as in the published code, which gave the paper's 60.6 mIoU of CAMs with
# SEAM. That weighs GAP by 0.4 + 0.5 and ISL by 0.1, as it averages over SEAM's
# two views and samples in one; with one view 0.8 and 0.2, the paper's.
model = dict(
    decode_head=dict(loss_decode=[_base_.isl_loss, _base_.published_fsl_loss])
)
