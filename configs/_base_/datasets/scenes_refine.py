# The scenes for the refinement of seeds and for affinity networks:
# tools/make_pseudo_labels.py works on the images of test_dataloader, the
# training images; their masks only tell how good the labels are. Affinity
# networks train on confident labels.
_base_ = './scenes.py'
seed_dir = 'data/scenes/seeds/cams'
# Pillow refuses a truncated JPEG; OpenCV would paint the rest grey.
load_seed = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.LoadCAM', cam_dir=seed_dir),
]
test_dataloader = dict(
    dataset=dict(ann_file='ImageSets/Segmentation/train.txt')
)
val_dataloader = None
val_evaluator = None
