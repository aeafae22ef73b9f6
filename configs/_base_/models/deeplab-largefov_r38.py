# DeepLab-LargeFOV v1 on ResNet38 at output stride 8, for 21 classes (VOC).
# Network of OCR, whose paper does not say what is frozen: every convolution is
# trained, as in SEAM's code (MCTformer's freezes conv1a); batch norms keep
# ImageNet's values, as in MCTformer's (in SEAM's their statistics move).
#
# ImageNet weights: convert the public MXNet file once, see
# tools/model_converters/resnet38_mxnet2torch.py, and add to your config
#   model = dict(backbone=dict(init_cfg=dict(
#       type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth')))
# Without weights the norms would keep their initial values: set
# norm_eval=False, norm_cfg=dict(requires_grad=True) then.
#
# As in every _base_ model, training needs the crop size:
#   model = dict(data_preprocessor=dict(size=(321, 321)))
norm_cfg = dict(type='BN', requires_grad=False)
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
    pretrained=None,
    backbone=dict(
        type='mmseg_wsss.ResNet38',
        output_stride=8,
        out_indices=(5,),
        norm_cfg=norm_cfg,
        norm_eval=True,
    ),
    # SEAM and HFPL: deeplab-largefov_r38-bn.py.
    # MCTformer: num_convs=1, dilated_classifier=True.
    decode_head=dict(
        type='mmseg_wsss.LargeFOVHead',
        in_channels=4096,
        in_index=0,
        channels=512,
        num_convs=2,
        dilation=12,
        dropout_ratio=0.5,
        num_classes=21,
        align_corners=False,
        loss_decode=dict(
            type='CrossEntropyLoss', loss_weight=1.0, avg_non_ignore=True
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
