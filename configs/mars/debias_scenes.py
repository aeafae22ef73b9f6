# MARS on the scenes' pseudo labels. They come from a refinement of seeds:
#   D=data/scenes
#   python tools/make_pseudo_labels.py configs/crf/crf_scenes.py \
#       --out-dir $D/pseudo
#   python tools/extract_features.py CONFIG --out-dir $D/features
#   python tools/make_centroids.py CONFIG --out-dir $D/mars
#   python tools/make_pseudo_labels.py CONFIG --pipeline debias_pipeline \
#       --out-dir $D/debiased
#   python tools/train.py configs/mars/mars_mobilenetv2_scenes.py
_base_ = [
    '../_base_/datasets/scenes_refine.py',
    '../_base_/default_runtime.py',
]
label_dir = 'data/scenes/pseudo/labels'
feature_dir = 'data/scenes/features/features'
centroids = 'data/scenes/mars/centroids.npz'
feature_extractor = dict(type='mmseg_wsss.ColourTextureFeatures')
feature_extraction = dict(scales=(1.0,), flip=False, stride=4)
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
    # Objects differ in colour from picture to picture, so that cosines of
    # these features are low: 0.25 where features that know objects take 0.5.
    dict(
        type='mmseg_wsss.MARSDebias',
        centroids=centroids,
        refine='local',
        threshold=0.25,
    ),
]
