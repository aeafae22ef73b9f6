# CSD together with ISL and FSL on the built-in scenes.
_base_ = [
    './csd_mobilenetv2_scenes.py',
    '../_base_/losses/hfpl.py',
]
# As configs/hfpl/isl-fsl_mobilenetv2_scenes.py has it.
fsl_loss = {**_base_.fsl_loss, 'upsample': 2, 'loss_weight': 0.3}
model = dict(
    decode_head=dict(
        loss_decode=[_base_.isl_loss, fsl_loss, _base_.csd_loss],
    )
)
