# CSD on EfficientNet-Lite2 and voc_mini.
_base_ = [
    './csd_mobilenetv2_voc-mini.py',
    '../_base_/models/efficientnet-lite2.py',
]
load_from = 'work_dirs/cam_efficientnet-lite2_voc-mini/epoch_4.pth'
model = _base_.lite2_cam
