# MARS on voc_mini's pseudo labels with EfficientNet-Lite2's features.
_base_ = [
    './debias_voc-mini.py',
    '../_base_/models/efficientnet-lite2.py',
]
feature_extractor = dict(
    backbone=dict(_base_.lite2, output_stride=32), **_base_.lite_pixels
)
