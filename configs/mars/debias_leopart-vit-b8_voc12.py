# debias_voc12.py with Leopart's features on DINO's ViT-B/8, the other rows of
# MARS's Table 4. No STEGO is trained; features_leopart.py in
# configs/_base_/models says which weights are needed. 768 channels at stride 8
# are 48 GB. Scales, flips and threshold are those of STEGO's features: MARS's
# paper does not give them, nor which of Leopart's networks it has.
_base_ = ['./debias_voc12.py', '../_base_/models/features_leopart.py']
feature_extractor = dict(_delete_=True, **_base_.leopart_b8)
