# STEGO's code on DINO's ViT-B/8, as DHR by MARS's first author has it: 70
# channels at 8 pixels per cell.
_base_ = './features_stego_vit-s8-dino.py'
extractor = dict(model_name='vit_base_patch8_224.dino')
feature_extractor = dict(
    extractor=extractor,
    checkpoint='work_dirs/stego_vit-b8-dino_voc12/iter_5000.pth',
)
