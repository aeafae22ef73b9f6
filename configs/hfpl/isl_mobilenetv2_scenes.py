# ISL alone on the built-in scenes.
_base_ = './isl-fsl_mobilenetv2_scenes.py'
model = dict(decode_head=dict(loss_decode=[_base_.isl_loss]))
