# A segmentor on the pseudo labels of your photos.
_base_ = [
    'mmseg_wsss::_base_/models/deeplabv3plus_mobilenetv2.py',
    './training.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size), **_base_.segmentor_model
)
