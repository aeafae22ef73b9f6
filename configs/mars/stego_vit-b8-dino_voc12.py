# STEGO on DINO's ViT-B/8 for PASCAL VOC 2012, as DHR by MARS's first author
# has it: as stego_vit-s8-dino_voc12.py, but for the network.
#   python tools/make_neighbours.py CONFIG
#   python tools/train.py CONFIG --amp
#   python tools/extract_features.py CONFIG
# Loss weights and shifts are those that the public code keeps for a ViT-B, of
# COCO-Stuff. None are published for VOC: compare the shifts with corr_* in the
# log.
_base_ = './stego_vit-s8-dino_voc12.py'
work_dir = 'work_dirs/stego_vit-b8-dino_voc12'
neighbour_file = work_dir + '/neighbours.npz'
extractor = dict(model_name='vit_base_patch8_224.dino')
model = dict(
    extractor=extractor,
    loss=dict(
        weights={'self': 0.1, 'knn': 1.0, 'random': 0.154},
        shifts={'self': 0.12, 'knn': 0.2, 'random': 1.0},
    ),
)
feature_extractor = dict(
    extractor=extractor, checkpoint=work_dir + '/iter_5000.pth'
)
pairs = dict(dataset=dict(neighbours=neighbour_file))
train_dataloader = pairs
val_dataloader = pairs
