# debias_leopart-vit-b8_voc12.py on DINO's ViT-S/16, for a smaller GPU and
# disk: 384 channels at stride 16 are 6 GB.
_base_ = './debias_leopart-vit-b8_voc12.py'
feature_extractor = dict(_delete_=True, **_base_.leopart_s16)
feature_extraction = dict(stride=16)
