# MARS on the pseudo labels: features of colour and texture, centroids
# of every class, and labels whose doubtful pixels are marked (254).
_base_ = ['mmseg_wsss::_base_/default_runtime.py', './data.py']
label_dir = f'{_base_.data_root}/pseudo_labels'
feature_dir = f'{_base_.data_root}/features'
centroids = f'{_base_.data_root}/centroids.npz'
# Needs no weights. Features that know objects are better: configs/mars.
feature_extractor = dict(type='mmseg_wsss.ColourTextureFeatures')
feature_extraction = dict(
    scales=(1.0,), flip=False, stride=_base_.feature_stride
)
load = [
    _base_.load_image,
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
    # Cosines of these features are low; those that know objects take 0.5.
    dict(
        type='mmseg_wsss.MARSDebias',
        centroids=centroids,
        refine='local',
        threshold=0.25,
    ),
]
test_dataloader = dict(dataset=dict(ann_file='train.txt'))
val_dataloader = None
val_evaluator = None
