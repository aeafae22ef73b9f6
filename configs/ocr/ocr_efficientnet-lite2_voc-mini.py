# OCR on EfficientNet-Lite2 and voc_mini's pseudo labels.
_base_ = [
    './ocr_mobilenetv2_voc-mini.py',
    '../_base_/models/efficientnet-lite2.py',
]
model = _base_.lite2_deeplabv3plus
