# The networks of r50: what differs from the base models.
_base_ = './common.py'
weights = _base_.weights
init_cfg = weights and dict(
    type='Pretrained', checkpoint=weights, prefix=_base_.weights_prefix
)
lr = 0.0001 if weights else 0.001
cam_model = dict(
    # Without weights nothing may be frozen.
    backbone=dict(
        frozen_stages=2 if weights else -1,
        norm_cfg=dict(type='BN', requires_grad=not weights),
        norm_eval=bool(weights),
        init_cfg=init_cfg,
    ),
    decode_head=dict(num_classes=len(_base_.classes)),
)
irn_model = dict(
    backbone=dict(init_cfg=None),
    # Crops have fewer cells than IRN's: pairs are nearer.
    decode_head=dict(num_classes=len(_base_.classes), radius=6),
)
irn_rates = dict()  # the backbone is frozen
bn = dict(type='BN', requires_grad=True)
segmentor_model = dict(
    pretrained=None,
    # The CAM network's kind of ResNet, so that the same weights fit.
    backbone=dict(
        type='ResNet',
        norm_cfg=bn,
        init_cfg=init_cfg,
    ),
    decode_head=dict(norm_cfg=bn, num_classes=len(_base_.classes)),
    auxiliary_head=dict(
        _delete_=True,
        type='mmseg_wsss.CAMHead',
        in_channels=2048,
        in_index=3,
        num_classes=len(_base_.classes),
    ),
)
irn_has_unused = True  # parameters without a gradient
