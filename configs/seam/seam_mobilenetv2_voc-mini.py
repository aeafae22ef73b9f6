# SEAM on voc_mini.
_base_ = ['../cam/cam_mobilenetv2_voc-mini.py', '../_base_/losses/seam.py']
# The second view has 112 pixels, a map of 7 x 7.
seam_loss = {**_base_.seam_loss, 'scale': 0.5}
model = dict(
    type='mmseg_wsss.WSSSEncoderDecoder',
    backbone=dict(out_indices=(2, 4, 6)),
    decode_head=dict(
        type='mmseg_wsss.SEAMHead',
        in_channels=(32, 96, 320),
        in_index=(0, 1, 2),
        loss_decode=[_base_.half_gap_loss, seam_loss],
    ),
)
