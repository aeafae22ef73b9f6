# STEGO's code on DINO's ViT-S/8 (timm's weights, from self-supervision on
# ImageNet): 70 channels at 8 pixels per cell, over the scales and flips that
# DHR, by MARS's first author, takes. DHR has ViT-B/8: features_stego_vit-b8-
# dino.py. This one is for a smaller GPU.
extractor = dict(
    type='mmseg_wsss.TimmFeatures',
    model_name='vit_small_patch8_224.dino',
    pretrained=True,
)
feature_extractor = dict(
    type='mmseg_wsss.STEGOFeatures',
    # STEGO's checkpoint holds the weights of DINO too.
    extractor={**extractor, 'pretrained': False},
    checkpoint='work_dirs/stego_vit-s8-dino_voc12/iter_5000.pth',
)
feature_extraction = dict(scales=(2.0, 1.0, 1.5, 0.5), flip=True, stride=8)
