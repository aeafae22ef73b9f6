# IRNet (IRN) on MobileNetV2 with the strides of cam_mobilenetv2.py: boundaries
# at stride 4 from layers 2, 3, 5 and 7, none of which is trained. It learns
# from confident labels in the place of masks and has no validation.
# num_classes counts the background.
#
# Nothing of the backbone is trained, so it needs weights, best a trained CAM
# network's:
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
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(1, 2, 4, 6),
        # MMSeg's MobileNetV2 freezes six of its seven layers at most. The
        # head keeps gradients out of the last one.
        frozen_stages=6,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
    ),
    decode_head=dict(
        type='mmseg_wsss.IRNHead',
        in_channels=[24, 32, 96, 320],
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
# DistributedDataParallel has to know of the last layer.
find_unused_parameters = True
