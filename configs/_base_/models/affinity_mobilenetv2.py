# AffinityNet (PSA) on MobileNetV2 at stride 8: the outputs of layers 3, 5 and
# 7 become an embedding of 224 channels. It learns from confident labels in the
# place of masks and has no validation. num_classes counts the background.
#
# A CAM network's weights fit, whatever its output stride:
#   load_from = 'work_dirs/cam_mobilenetv2_scenes/epoch_10.pth'
#
# As in every _base_ model, training needs the crop size:
#   model = dict(data_preprocessor=dict(size=(192, 192)))
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
        strides=(1, 2, 2, 1, 1, 1, 1),
        dilations=(1, 1, 1, 2, 2, 4, 4),
        out_indices=(2, 4, 6),
        norm_cfg=dict(type='BN'),
    ),
    decode_head=dict(
        type='mmseg_wsss.AffinityHead',
        in_channels=[32, 96, 320],
        in_index=[0, 1, 2],
        reduced_channels=[32, 64, 128],
        num_classes=21,
        stride=8,
        radius=5,
        loss_decode=dict(type='mmseg_wsss.AffinityLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
