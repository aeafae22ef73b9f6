# MARS with DeepLabV2 R101, the paper's segmentor on AdvCAM's labels.
_base_ = './mars_deeplabv2_r50-d8_voc12-512x512.py'
model = dict(pretrained='torchvision://resnet101', backbone=dict(depth=101))
