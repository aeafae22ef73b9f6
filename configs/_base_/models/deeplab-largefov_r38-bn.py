# Segmentor of SEAM and HFPL, from their code: DeepLab-LargeFOV v1 on ResNet38
# with batch norms in the head. All convolutions are trained; norms take the
# batch's statistics, and keep their scales and shifts, which the code's
# optimizer does not get. SyncBN: a batch on several GPUs is one batch. Single
# units are dropped in the code, channels here.
_base_ = './deeplab-largefov_r38.py'
norm_cfg = dict(type='SyncBN', momentum=3e-4, requires_grad=False)
model = dict(
    backbone=dict(norm_cfg=norm_cfg, norm_eval=False),
    decode_head=dict(
        norm_cfg=norm_cfg,
        align_corners=True,
        init_cfg=dict(type='Kaiming', layer='Conv2d'),
    ),
)
