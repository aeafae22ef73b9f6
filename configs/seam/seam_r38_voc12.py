# SEAM on ResNet38, VOC 2012: the recipe of cam_r38_voc12.py, with the pixel
# correlation module on conv4 and conv5, and the losses of a second view of 134
# pixels.
_base_ = ['../cam/cam_r38_voc12.py', '../_base_/losses/seam.py']
model = dict(
    type='mmseg_wsss.WSSSEncoderDecoder',
    backbone=dict(out_indices=(2, 3, 5)),
    decode_head=dict(
        type='mmseg_wsss.SEAMHead',
        in_channels=(512, 1024, 4096),
        in_index=(0, 1, 2),
        background_threshold=0.26,
        loss_decode=[_base_.half_gap_loss, _base_.seam_loss],
    ),
)
