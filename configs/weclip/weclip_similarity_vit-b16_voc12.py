# Maps without a gradient, VOC 2012, after ExCEL (CVPR 2025): patches compared
# with texts, boxes above 0.79, the attention of the last 6 layers. The rest is
# that of weclip_vit-b16_voc12.py.
_base_ = './weclip_vit-b16_voc12.py'
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(
        _base_.custom_hooks[-1],
        method='similarity',
        box_threshold=0.79,
        layers=6,
    ),
]
