# WeCLIP: a decoder on the frozen layers 1 to 11 of CLIP ViT-B/16. Weights are
# downloaded when first used; configs/clip_es/README.md says how to do without:
#   --cfg-options model.backbone.tower.checkpoint=FILE
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        # CLIP's own, times 255. The public code trains with ImageNet's:
        # mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375].
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='mmseg_wsss.FrozenCLIP',
        tower=dict(
            type='mmseg_wsss.CLIPTower',
            model_name='vit_base_patch16_clip_quickgelu_224.openai',
            pretrained=True,
            positions='bilinear',
            attention_layers=8,
        ),
        save_tower=False,
    ),
    decode_head=dict(
        type='mmseg_wsss.TokenFusionHead',
        in_channels=[768] * 11,
        channels=256,
        dropout_ratio=0.1,
        num_classes=21,
        loss_decode=dict(type='mmseg_wsss.BalancedCrossEntropy'),
        loss_affinity=dict(
            type='mmseg_wsss.PairAffinityLoss', radius=8, loss_weight=0.1
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
