# ISL and FSL on voc_mini. A map of 14 x 14 becomes 56 x 56. For AdamW the
# paper takes a tenth of both losses; here ISL, which is what gains on voc_mini
# (README), has its whole weight and FSL a tenth.
_base_ = [
    '../cam/cam_mobilenetv2_voc-mini.py',
    '../_base_/losses/hfpl.py',
]
fsl_loss = {**_base_.fsl_loss, 'upsample': 4, 'loss_weight': 0.1}
model = dict(decode_head=dict(loss_decode=[_base_.isl_loss, fsl_loss]))
