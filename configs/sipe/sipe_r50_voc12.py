# SIPE on ResNet-50, VOC 2012: the recipe of cam_r50_voc12.py, which is IRN's
# and SIPE's, with features of all four stages and gradients of length 1 at
# most.
_base_ = ['../cam/cam_r50_voc12.py', '../_base_/losses/sipe.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='mmseg_wsss.SIPEHead',
        in_channels=(256, 512, 1024, 2048),
        num_classes=21,
        dropout_ratio=0.0,
        loss_decode=[_base_.gap_loss, _base_.sipe_loss],
    )
)
optim_wrapper = dict(clip_grad=dict(max_norm=1))
