# MARS and OCR together on EfficientNet-Lite2 and voc_mini's debiased labels.
_base_ = [
    './mars-ocr_mobilenetv2_voc-mini.py',
    '../_base_/models/efficientnet-lite2.py',
]
model = _base_.lite2_deeplabv3plus
