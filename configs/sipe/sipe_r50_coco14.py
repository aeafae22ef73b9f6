# SIPE on ResNet-50, MS COCO 2014: the recipe of VOC, as in the authors' code;
# see sipe_r50_voc12.py.
_base_ = ['../cam/cam_r50_coco14.py', '../_base_/losses/sipe.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='mmseg_wsss.SIPEHead',
        in_channels=(256, 512, 1024, 2048),
        num_classes=81,
        dropout_ratio=0.0,
        loss_decode=[_base_.gap_loss, _base_.sipe_loss],
    )
)
optim_wrapper = dict(clip_grad=dict(max_norm=1))
