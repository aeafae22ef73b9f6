# timm's training augmentation as DeiT and MCTformer have it
# (rand-m9-mstd0.5-inc1, erasing 0.25), in MMPretrain's transforms; after
# RandomResizedCrop and RandomFlip. timm leaves its colour jitter out where
# there is RandAugment. Both change the photo alone: not for masks.
bgr_mean = [103.53, 116.28, 123.675]
bgr_std = [57.375, 57.12, 58.395]
increasing = [
    dict(type='AutoContrast'),
    dict(type='Equalize'),
    dict(type='Invert'),
    dict(type='Rotate', magnitude_range=(0, 30)),
    dict(type='Posterize', magnitude_range=(4, 0)),
    dict(type='Solarize', magnitude_range=(256, 0)),
    dict(type='SolarizeAdd', magnitude_range=(0, 110)),
    dict(type='ColorTransform', magnitude_range=(0, 0.9)),
    dict(type='Contrast', magnitude_range=(0, 0.9)),
    dict(type='Brightness', magnitude_range=(0, 0.9)),
    dict(type='Sharpness', magnitude_range=(0, 0.9)),
    dict(type='Shear', magnitude_range=(0, 0.3), direction='horizontal'),
    dict(type='Shear', magnitude_range=(0, 0.3), direction='vertical'),
    dict(type='Translate', magnitude_range=(0, 0.45), direction='horizontal'),
    dict(type='Translate', magnitude_range=(0, 0.45), direction='vertical'),
]
# By name ('timm_increasing') they would be looked for in MMSegmentation.
rand_augment = dict(
    type='mmpretrain.RandAugment',
    policies=[
        dict(policy, type='mmpretrain.' + policy['type'])
        for policy in increasing
    ],
    num_policies=2,
    total_level=10,
    magnitude_level=9,
    magnitude_std=0.5,
    hparams=dict(
        pad_val=[round(value) for value in bgr_mean], interpolation='bicubic'
    ),
)
random_erasing = dict(
    type='mmpretrain.RandomErasing',
    erase_prob=0.25,
    mode='rand',
    min_area_ratio=0.02,
    max_area_ratio=1 / 3,
    fill_color=bgr_mean,
    fill_std=bgr_std,
)
