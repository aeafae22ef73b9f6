# Pseudo labels of VOC 2012 that others have published, checked: each of the
# 10,582 images has one of its size that holds VOC's classes, 254 and 255.
#   python tools/make_pseudo_labels.py configs/mars/published_voc12.py
# They are compared with the masks at the end. Another folder of <stem>.png:
#   ... --cfg-options refine_pipeline.2.label_dir=DIR
# configs/mars/README.md says where those of RS+EPM are.
_base_ = [
    '../_base_/datasets/voc12_refine.py',
    '../_base_/default_runtime.py',
]
label_dir = 'data/VOCdevkit/VOC2012/rsepm'
refine_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    _base_.load_image_labels,
    dict(type='mmseg_wsss.LoadPseudoLabel', label_dir=label_dir),
]
