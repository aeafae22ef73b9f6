# CSD together with ISL and FSL on voc_mini.
_base_ = [
    './csd_mobilenetv2_voc-mini.py',
    '../_base_/losses/hfpl.py',
]
# As configs/hfpl/isl-fsl_mobilenetv2_voc-mini.py has it.
fsl_loss = {**_base_.fsl_loss, 'upsample': 4, 'loss_weight': 0.1}
model = dict(
    decode_head=dict(
        loss_decode=[_base_.isl_loss, fsl_loss, _base_.csd_loss],
    )
)
