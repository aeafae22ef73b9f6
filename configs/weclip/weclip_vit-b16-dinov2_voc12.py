# A second frozen network beside CLIP's, VOC 2012, as in WeCLIP+ (TPAMI 2025):
# the maps of CLIP's layer 11 and of DINOv2 ViT-S/14, a tenth of the rate. The
# labels are those of weclip_vit-b16_voc12.py.
_base_ = './weclip_vit-b16_voc12.py'
model = dict(
    type='mmseg_wsss.WSSSEncoderDecoder',
    backbone=dict(
        second=dict(
            type='mmseg_wsss.TimmFeatures',
            model_name='vit_small_patch14_dinov2.lvd142m',
            pretrained=True,
        )
    ),
    decode_head=dict(in_channels=[768, 384]),
)
optim_wrapper = dict(optimizer=dict(lr=0.0002))
