# CAM network on ResNet-50 at output stride 16: IRN's. num_classes counts the
# background.
#
# As in every _base_ model, training needs the crop size:
#   model = dict(data_preprocessor=dict(size=(512, 512)))
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1),
        out_indices=(0, 1, 2, 3),
        frozen_stages=2,  # IRN stops the gradient after layer2
        # Statistics are fixed, scales and shifts are trained, as in its code.
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    decode_head=dict(
        type='mmseg_wsss.CAMHead',
        in_channels=2048,
        in_index=3,
        num_classes=21,
        dropout_ratio=0.0,
        loss_decode=dict(type='mmseg_wsss.GAPLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
