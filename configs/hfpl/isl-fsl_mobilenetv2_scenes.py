# ISL and FSL on the built-in scenes. FSL needs CAMs that mean something from
# the first step; there are no ImageNet weights for drawings, so the plain CAM
# network takes their place. Train it first:
#   python tools/train.py configs/cam/cam_mobilenetv2_scenes.py
_base_ = [
    '../cam/cam_mobilenetv2_scenes.py',
    '../_base_/losses/hfpl.py',
]
epochs = 6
load_from = 'work_dirs/cam_mobilenetv2_scenes/epoch_15.pth'
# A map of 16 x 16 becomes 32 x 32. The paper's weight is 1 for SGD and 0.1 for
# AdamW; 0.3 is better here.
fsl_loss = {**_base_.fsl_loss, 'upsample': 2, 'loss_weight': 0.3}
model = dict(decode_head=dict(loss_decode=[_base_.isl_loss, fsl_loss]))
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
