# The networks of mobilenetv2: what differs from the base models.
_base_ = './common.py'
weights = _base_.weights
init_cfg = weights and dict(
    type='Pretrained', checkpoint=weights, prefix=_base_.weights_prefix
)
lr = 0.0003 if weights else 0.002
cam_model = dict(
    backbone=dict(init_cfg=init_cfg),
    decode_head=dict(num_classes=len(_base_.classes)),
)
irn_model = dict(
    # MobileNetV2's features know less of boundaries than ResNet-50's: they
    # are trained too.
    backbone=dict(
        frozen_stages=-1, norm_cfg=dict(type='BN', requires_grad=True)
    ),
    # Crops have fewer cells than IRN's: pairs are nearer.
    decode_head=dict(num_classes=len(_base_.classes), radius=5, detach=False),
)
irn_rates = dict(custom_keys={'backbone': dict(lr_mult=0.1)})
segmentor_model = dict(
    backbone=dict(init_cfg=init_cfg),
    decode_head=dict(num_classes=len(_base_.classes)),
    auxiliary_head=dict(
        type='mmseg_wsss.CAMHead',
        in_channels=320,
        in_index=1,
        num_classes=len(_base_.classes),
    ),
)
irn_has_unused = False  # parameters without a gradient
