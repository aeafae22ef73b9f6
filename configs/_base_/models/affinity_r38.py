# AffinityNet (PSA) on ResNet38 at stride 8: conv4, conv5 and conv6 become an
# embedding of 448 channels; the whole network is trained but conv1a, b2 and
# every batch norm. It learns from confident labels in the place of masks and
# has no validation. num_classes counts the background.
#
# ImageNet weights as in cam_r38.py, or a trained CAM network's (its classifier
# is left out):
#   load_from = 'work_dirs/cam_r38_voc12/epoch_8.pth'
# Without weights the frozen parts would keep their random values: set
# frozen_stages=-1, norm_eval=False, norm_cfg=dict(requires_grad=True) then.
#
# As in every _base_ model, training needs the crop size:
#   model = dict(data_preprocessor=dict(size=(448, 448)))
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
        type='mmseg_wsss.ResNet38',
        output_stride=8,
        out_indices=(2, 3, 5),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
    ),
    decode_head=dict(
        type='mmseg_wsss.AffinityHead',
        in_channels=[512, 1024, 4096],
        in_index=[0, 1, 2],
        reduced_channels=[64, 128, 256],
        num_classes=21,
        stride=8,
        radius=5,
        loss_decode=dict(type='mmseg_wsss.AffinityLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
