# DenseCRF, or a local refiner, on seeds of MS COCO 2014.
#   python tools/make_pseudo_labels.py configs/crf/crf_coco14.py
#   ... --pipeline seed_pipeline        the seeds as they are
#   ... --pipeline local_pipeline       pixel-adaptive refinement
_base_ = [
    '../_base_/datasets/coco14_refine.py',
    '../_base_/default_runtime.py',
]
background = dict(type='mmseg_wsss.AddBackground', constant=0.2)
to_label = dict(type='mmseg_wsss.ScoresToLabel')
seed_pipeline = [*_base_.load_seed, background, to_label]
refine_pipeline = [
    *_base_.load_seed,
    background,
    dict(type='mmseg_wsss.DenseCRFRefine', params='psa'),
    to_label,
]
local_pipeline = [
    *_base_.load_seed,
    background,
    dict(type='mmseg_wsss.PixelAdaptiveRefine'),
    to_label,
]
