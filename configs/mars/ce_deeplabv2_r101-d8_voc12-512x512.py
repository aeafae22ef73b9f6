# DeepLabV2 R101 on pseudo labels of VOC 2012: the baseline of MARS on AdvCAM.
_base_ = './ce_deeplabv2_r50-d8_voc12-512x512.py'
model = dict(pretrained='torchvision://resnet101', backbone=dict(depth=101))
