# Leopart's features: DINO's networks, trained further by dense clustering.
# The weights are the authors', which saw ImageNet-100 or COCO, where MARS
# trained its own on VOC alone (https://github.com/MkuuWaUjinga/leopart):
#   python tools/model_converters/leopart2timm.py leopart_vitb8.ckpt \
#       data/weights/leopart_vitb8.pth --model vit_base_patch8_224.dino
#   python tools/model_converters/leopart2timm.py leopart_vits16.ckpt \
#       data/weights/leopart_vits16.pth --model vit_small_patch16_224.dino
leopart_b8 = dict(
    type='mmseg_wsss.TimmFeatures',
    model_name='vit_base_patch8_224.dino',
    checkpoint='data/weights/leopart_vitb8.pth',
)
leopart_s16 = dict(
    type='mmseg_wsss.TimmFeatures',
    model_name='vit_small_patch16_224.dino',
    checkpoint='data/weights/leopart_vits16.pth',
)
