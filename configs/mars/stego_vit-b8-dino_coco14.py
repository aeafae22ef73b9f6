# STEGO on DINO's ViT-B/8 for MS COCO 2014: as stego_vit-b8-dino_voc12.py, on
# COCO's training images. MARS trains its features on each data set alone, and
# gives no values for COCO.
#   python tools/make_neighbours.py CONFIG
#   python tools/train.py CONFIG --amp
#   python tools/extract_features.py CONFIG
_base_ = './stego_vit-b8-dino_voc12.py'
work_dir = 'work_dirs/stego_vit-b8-dino_coco14'
neighbour_file = work_dir + '/neighbours.npz'
data_root = 'data/coco2014'
feature_extractor = dict(checkpoint=work_dir + '/iter_5000.pth')
images = dict(
    type='mmseg_wsss.COCO2014Dataset',
    data_root=data_root,
    data_prefix=dict(img_path='train2014'),
    ann_file='train.txt',
)
pairs = dict(dataset=dict(neighbours=neighbour_file, dataset=images))
train_dataloader = pairs
val_dataloader = pairs
test_dataloader = dict(dataset=images)
