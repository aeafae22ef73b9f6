# CAM network on MobileNetV2 at output stride 16. num_classes counts the
# background.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(6,),
        norm_cfg=dict(type='BN'),
    ),
    decode_head=dict(
        type='mmseg_wsss.CAMHead',
        in_channels=320,
        in_index=0,
        num_classes=21,
        loss_decode=dict(type='mmseg_wsss.GAPLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
