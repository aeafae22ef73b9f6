# A segmentor on the pseudo labels of your photos. It learns the image labels
# too, and weighs the classes of a photo by what it finds.
_base_ = [
    'mmseg_wsss::_base_/models/deeplabv3plus_mobilenetv2.py',
    './training.py',
]
model = dict(
    type='mmseg_wsss.PriorEncoderDecoder',
    data_preprocessor=dict(size=_base_.crop_size),
    **_base_.segmentor_model,
)
