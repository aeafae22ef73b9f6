# MS COCO 2014 for the refinement of seeds and for affinity networks:
# tools/make_pseudo_labels.py works on the images of test_dataloader, the
# training images; their masks only tell how good the labels are. Affinity
# networks train on confident labels.
_base_ = './coco14_wsss-321.py'
seed_dir = 'data/coco2014/seeds/cams'
# Pillow refuses a truncated JPEG; OpenCV would paint the rest grey.
load_seed = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.LoadCAM', cam_dir=seed_dir),
]
test_dataloader = dict(
    dataset=dict(
        ann_file='train.txt',
        data_prefix=dict(img_path='train2014', seg_map_path='masks_train'),
    )
)
val_dataloader = None
val_evaluator = None
