# SIPE on voc_mini.
_base_ = ['../cam/cam_mobilenetv2_voc-mini.py', '../_base_/losses/sipe.py']
model = dict(
    backbone=dict(out_indices=(1, 2, 4, 6)),
    decode_head=dict(
        _delete_=True,
        type='mmseg_wsss.SIPEHead',
        in_channels=(24, 32, 96, 320),
        side_channels=(32, 32, 64, 64),
        num_classes=7,
        loss_decode=[_base_.gap_loss, _base_.sipe_loss],
    ),
)
optim_wrapper = dict(clip_grad=dict(max_norm=1))
