# CAM network on ResNet38 at output stride 8, as in PSA, SEAM and HFPL: 4096
# channels (their conv6), dropout, a 1x1 classifier; conv1a, b2 and every batch
# norm frozen. num_classes counts the background.
#
# ImageNet weights: convert the public MXNet file once, see
# tools/model_converters/resnet38_mxnet2torch.py, and add to your config
#   model = dict(backbone=dict(init_cfg=dict(
#       type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth')))
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
        out_indices=(5,),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
    ),
    decode_head=dict(
        type='mmseg_wsss.CAMHead',
        in_channels=4096,
        in_index=0,
        num_classes=21,
        dropout_ratio=0.5,
        loss_decode=dict(type='mmseg_wsss.GAPLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
