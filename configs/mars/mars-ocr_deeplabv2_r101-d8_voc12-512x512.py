# MARS and OCR together, DeepLabV2 R101, VOC 2012.
_base_ = './mars-ocr_deeplabv2_r50-d8_voc12-512x512.py'
model = dict(pretrained='torchvision://resnet101', backbone=dict(depth=101))
