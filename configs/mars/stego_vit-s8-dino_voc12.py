# STEGO on DINO's ViT-S/8 for PASCAL VOC 2012: 5000 steps of 16 pairs, crops of
# 224. Needs timm, and a GPU, a smaller one than stego_vit-b8-dino_voc12.py.
# For its features debias_voc12.py needs, of feature_extractor, the checkpoint
# and extractor.model_name=vit_small_patch8_224.dino.
#   python tools/make_neighbours.py CONFIG
#   python tools/train.py CONFIG --amp
#   python tools/extract_features.py CONFIG
# The last checkpoint is used. The one of the lowest loss on held-out training
# images is best_loss_iter_*.pth: set feature_extractor.checkpoint to take it.
#
# The public code cuts five crops of half the image's size out of each image,
# once, and resizes them to 224. Here a random crop has that size. Loss weights
# and shifts are those its configuration has active; none are published for
# VOC. Compare the shifts with corr_* in the log.
_base_ = [
    '../_base_/models/features_stego_vit-s8-dino.py',
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/schedules/stego_5k.py',
    '../_base_/default_runtime.py',
]
work_dir = 'work_dirs/stego_vit-s8-dino_voc12'
neighbour_file = work_dir + '/neighbours.npz'
crop_size = (224, 224)
model = dict(
    type='mmseg_wsss.STEGO',
    extractor=_base_.extractor,
    loss=dict(
        type='mmseg_wsss.STEGOLoss',
        weights={'self': 0.67, 'knn': 0.25, 'random': 0.63},
        shifts={'self': 0.18, 'knn': 0.12, 'random': 0.46},
    ),
)
custom_hooks = []
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeShortestEdge', scale=448, max_size=4096),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
neighbour_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeShortestEdge', scale=224, max_size=4096),
    dict(type='CenterCrop', crop_size=crop_size),
    dict(type='PackSegInputs'),
]
images = dict(
    type=_base_.dataset_type,
    data_root=_base_.data_root,
    data_prefix=dict(img_path='JPEGImages'),
    ann_file='ImageSets/Segmentation/train_aug.txt',
)
train_dataloader = dict(
    batch_size=16,
    sampler=dict(_delete_=True, type='mmseg_wsss.SeededSampler'),
    dataset=dict(
        _delete_=True,
        type='mmseg_wsss.NeighbourPairs',
        neighbours=neighbour_file,
        k=7,
        part='train',
        dataset=dict(**images, pipeline=train_pipeline),
    ),
)
# One training image in twenty is held out; no mask is read.
val_dataloader = dict(
    batch_size=16,
    dataset=dict(
        _delete_=True,
        type='mmseg_wsss.NeighbourPairs',
        neighbours=neighbour_file,
        part='held_out',
        dataset=dict(**images, pipeline=neighbour_pipeline),
    ),
)
val_evaluator = [dict(type='mmseg_wsss.MeanLossMetric')]
# The images that tools/make_neighbours.py and tools/extract_features.py work
# on; tools/test.py has nothing to do.
test_dataloader = dict(
    dataset=dict(
        _delete_=True, **images, pipeline=[dict(type='LoadImageFromFile')]
    )
)
test_evaluator = val_evaluator
