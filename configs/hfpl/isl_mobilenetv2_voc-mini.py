# ISL alone on voc_mini.
_base_ = './isl-fsl_mobilenetv2_voc-mini.py'
model = dict(decode_head=dict(loss_decode=[_base_.isl_loss]))
