# Pseudo labels of MS COCO 2014 that others have published, checked as in
# published_voc12.py: COCO's classes 0 to 80, 254 and 255.
#   python tools/make_pseudo_labels.py configs/mars/published_coco14.py
# We know of no copy of RS+EPM's for COCO. A folder of <stem>.png:
#   ... --cfg-options refine_pipeline.2.label_dir=DIR
_base_ = [
    '../_base_/datasets/coco14_refine.py',
    '../_base_/default_runtime.py',
]
label_dir = 'data/coco2014/rsepm'
refine_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.LoadPseudoLabel', label_dir=label_dir),
]
