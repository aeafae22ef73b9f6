# ISL and FSL on EfficientNet-Lite2 and voc_mini.
_base_ = [
    './isl-fsl_mobilenetv2_voc-mini.py',
    '../_base_/models/efficientnet-lite2.py',
]
model = _base_.lite2_cam
