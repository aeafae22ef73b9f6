# SIPE on the built-in scenes. As for the losses of HFPL, the plain CAM network
# takes the place of ImageNet weights: a map that means nothing finds no seeds.
# Train it first:
#   python tools/train.py configs/cam/cam_mobilenetv2_scenes.py
_base_ = ['../cam/cam_mobilenetv2_scenes.py', '../_base_/losses/sipe.py']
epochs = 6
load_from = 'work_dirs/cam_mobilenetv2_scenes/epoch_15.pth'
model = dict(
    backbone=dict(out_indices=(1, 2, 4, 6)),
    decode_head=dict(
        _delete_=True,
        type='mmseg_wsss.SIPEHead',
        in_channels=(16, 16, 48, 160),
        side_channels=(16, 16, 32, 32),
        num_classes=7,
        dropout_ratio=0.0,
        loss_decode=[_base_.gap_loss, _base_.sipe_loss],
    ),
)
optim_wrapper = dict(clip_grad=dict(max_norm=1))
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=1e-3,
        total_steps=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
