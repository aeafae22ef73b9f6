# Plain CAM network on EfficientNet-Lite2 and voc_mini.
_base_ = [
    './cam_mobilenetv2_voc-mini.py',
    '../_base_/models/efficientnet-lite2.py',
]
model = _base_.lite2_cam
