# MARS on IRN's pseudo labels of MS COCO 2014.
#   D=data/coco2014
#   python tools/make_pseudo_labels.py configs/irn/irn_r50_coco14.py \
#       --out-dir $D/irn
#   python tools/extract_features.py CONFIG --out-dir $D/features
#   python tools/make_centroids.py CONFIG --out-dir $D/mars
#   python tools/make_pseudo_labels.py CONFIG --pipeline debias_pipeline \
#       --out-dir $D/debiased
#   python tools/train.py \
#       configs/mars/mars_deeplabv3plus_r101-d8_coco14-512x512.py
# Features are STEGO's, trained by stego_vit-b8-dino_coco14.py first: 70
# channels at stride 8, 55 GB. The threshold is the argmax of [1 - m, m]; the
# paper gives none. Look at the similarity maps with
# tools/analysis_tools/browse_mars.py before you trust it.
_base_ = [
    '../_base_/models/features_stego_vit-b8-dino.py',
    '../_base_/datasets/coco14_refine.py',
    '../_base_/default_runtime.py',
]
feature_extractor = dict(
    checkpoint='work_dirs/stego_vit-b8-dino_coco14/iter_5000.pth'
)
label_dir = 'data/coco2014/irn/labels'
feature_dir = 'data/coco2014/features/features'
centroids = 'data/coco2014/mars/centroids.npz'
load = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.LoadPseudoLabel', label_dir=label_dir),
    dict(type='mmseg_wsss.LoadFeatures', feature_dir=feature_dir),
]
centroid_pipeline = [
    *load,
    dict(type='mmseg_wsss.RegionCentroids', foreground=2, background=2),
]
selection = dict(alpha=0.4, distance='mean')
debias_pipeline = [
    *load,
    dict(type='mmseg_wsss.MARSDebias', centroids=centroids, refine='crf'),
]
