# MARS on voc_mini's pseudo labels. They come from a refinement of seeds:
#   D=data/voc_mini
#   python tools/make_pseudo_labels.py configs/crf/crf_voc-mini.py \
#       --out-dir $D/pseudo
#   python tools/extract_features.py CONFIG --out-dir $D/features
#   python tools/make_centroids.py CONFIG --out-dir $D/mars
#   python tools/make_pseudo_labels.py CONFIG --pipeline debias_pipeline \
#       --out-dir $D/debiased
#   python tools/train.py configs/mars/mars_mobilenetv2_voc-mini.py
# Features are MobileNetV2's as ImageNet trained it, with labels: they are not
# unsupervised as the paper's.
_base_ = [
    '../_base_/datasets/voc_mini_refine.py',
    '../_base_/default_runtime.py',
]
label_dir = 'data/voc_mini/pseudo/labels'
feature_dir = 'data/voc_mini/features/features'
centroids = 'data/voc_mini/mars/centroids.npz'
feature_extractor = dict(
    type='mmseg_wsss.BackboneFeatures',
    backbone=dict(
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 2, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
        out_indices=(6,),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='data/weights/mobilenet_v2_imagenet.pth',
            prefix='backbone.',
        ),
    ),
    mean=[127.5, 127.5, 127.5],
    std=[127.5, 127.5, 127.5],
    size_divisor=32,
)
feature_extraction = dict(scales=(1.0, 2.0), flip=True, stride=8)
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
    # Cosines of these features are low; 0.2 was chosen by eye and masks.
    dict(
        type='mmseg_wsss.MARSDebias',
        centroids=centroids,
        refine='local',
        threshold=0.2,
    ),
]
