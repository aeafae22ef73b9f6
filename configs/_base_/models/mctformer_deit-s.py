# MCTformer-V2 on DeiT-S/16 of MMPretrain (pip install onedl-mmpretrain, or
# mmpretrain on the upstream stack): one class token per foreground class, all
# copies of DeiT's at the start; a 3x3 classifier on the patch tokens of the
# last layer, without the final norm. Position embeddings are interpolated to
# any multiple of 16, to which test pipelines resize. num_classes counts the
# background, num_tokens does not.
#
# As in every _base_ model, training needs the crop size:
#   model = dict(data_preprocessor=dict(size=(224, 224)))
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
        type='mmseg_wsss.MultiTokenViT',
        num_tokens=20,
        arch='deit-small',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'deit/deit-small_pt-4xb256_in1k_20220218-9425b9bb.pth',
            prefix='backbone.',
        ),
    ),
    decode_head=dict(
        type='mmseg_wsss.TokenCAMHead',
        in_channels=384,
        num_classes=21,
        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss'),
            dict(type='mmseg_wsss.TokenLoss'),
        ],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
