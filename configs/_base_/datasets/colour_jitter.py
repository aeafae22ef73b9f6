# The colour changes of the code of PSA, SEAM, HFPL and DHR. A config with them
# has to import mmpretrain.datasets.
colour_jitter = dict(
    type='mmpretrain.ColorJitter',
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
    hue=0.1,
)
