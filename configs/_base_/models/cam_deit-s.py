# CAM network on DeiT-S/16 of MMPretrain (pip install onedl-mmpretrain, or
# mmpretrain on the upstream stack): the patch tokens of the last layer,
# without the final norm (as MCTformer's), are the feature map of stride 16.
# Position embeddings are interpolated to any image size; pixels beyond the
# last whole patch would be lost, so test pipelines resize to multiples of 16.
# num_classes counts the background.
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
        type='mmpretrain.VisionTransformer',
        arch='deit-small',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,
        out_type='featmap',
        out_indices=(11,),
        final_norm=False,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'deit/deit-small_pt-4xb256_in1k_20220218-9425b9bb.pth',
            prefix='backbone.',
        ),
    ),
    decode_head=dict(
        type='mmseg_wsss.CAMHead',
        in_channels=384,
        in_index=0,
        num_classes=21,
        dropout_ratio=0.0,
        loss_decode=dict(type='mmseg_wsss.GAPLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
