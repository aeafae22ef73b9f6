# IRNet (IRN) on ResNet-50: boundaries at stride 4 from the stem and the four
# stages, none of which is trained. It learns from confident
# labels in the place of masks and has no validation. num_classes counts the
# background.
#
# IRN keeps ImageNet's weights. Those of a trained CAM network fit too:
#   load_from = 'work_dirs/cam_r50_voc12/epoch_5.pth'
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
        type='mmseg_wsss.StemResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1),
        out_indices=(0, 1, 2, 3),  # after the stem
        frozen_stages=4,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    decode_head=dict(
        type='mmseg_wsss.IRNHead',
        in_channels=[64, 256, 512, 1024, 2048],
        in_index=[0, 1, 2, 3, 4],
        num_classes=21,
        stride=4,
        radius=10,
        walk_radius=5,
        loss_decode=dict(type='mmseg_wsss.AffinityLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
