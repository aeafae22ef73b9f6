# SEAM on the built-in scenes. As for the losses of HFPL, the plain CAM network
# takes the place of ImageNet weights: a map that means nothing is no target.
# Train it first:
#   python tools/train.py configs/cam/cam_mobilenetv2_scenes.py
_base_ = ['../cam/cam_mobilenetv2_scenes.py', '../_base_/losses/seam.py']
epochs = 6
load_from = 'work_dirs/cam_mobilenetv2_scenes/epoch_15.pth'
# The second view has 96 pixels, a map of 12 x 12; in half a view the objects
# are a few cells, and the consistency ER costs 6.5 mIoU (README).
seam_loss = {**_base_.seam_loss, 'scale': 0.75}
model = dict(
    type='mmseg_wsss.WSSSEncoderDecoder',
    backbone=dict(out_indices=(2, 4, 6)),
    decode_head=dict(
        type='mmseg_wsss.SEAMHead',
        in_channels=(16, 48, 160),
        in_index=(0, 1, 2),
        loss_decode=[_base_.half_gap_loss, seam_loss],
    ),
)
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
