# The networks of EfficientNet-lite: what differs from the base models.
_base_ = './common.py'
arch = 'lite0'
weights = _base_.weights
lr = 0.0003 if weights else 0.002
# Of the stages at stride 4, 8, 16 and of the last one.
channels = dict(lite0=(24, 40, 112, 320), lite2=(24, 48, 120, 352))[arch]
backbone = dict(
    arch=arch,
    init_cfg=weights
    and dict(
        type='Pretrained', checkpoint=weights, prefix=_base_.weights_prefix
    ),
)
cam_model = dict(
    backbone=backbone,
    decode_head=dict(
        in_channels=channels[-1], num_classes=len(_base_.classes)
    ),
)
irn_model = dict(
    # These features know less of boundaries than ResNet-50's: they are
    # trained too.
    backbone=dict(
        **backbone,
        frozen_stages=-1,
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    # Crops have fewer cells than IRN's: pairs are nearer.
    decode_head=dict(
        in_channels=list(channels),
        num_classes=len(_base_.classes),
        radius=5,
        detach=False,
    ),
)
irn_rates = dict(custom_keys={'backbone': dict(lr_mult=0.1)})
segmentor_model = dict(
    backbone=backbone,
    decode_head=dict(
        in_channels=channels[-1], num_classes=len(_base_.classes)
    ),
    auxiliary_head=dict(
        type='mmseg_wsss.CAMHead',
        in_channels=channels[-1],
        in_index=1,
        num_classes=len(_base_.classes),
    ),
)
irn_has_unused = False  # parameters without a gradient
