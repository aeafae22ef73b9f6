# The colour changes of the code of PSA, SEAM and HFPL. A config that takes them
# imports mmpretrain.datasets.
colour_jitter = dict(
    type='mmpretrain.ColorJitter',
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
    hue=0.1,
)
