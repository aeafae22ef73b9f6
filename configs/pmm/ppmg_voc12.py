# PMM's labels from seeds of PASCAL VOC 2012: smoothing, proportional masks.
#   python tools/make_pseudo_labels.py configs/pmm/ppmg_voc12.py
#   ... --pipeline proportional_pipeline    without the smoothing
#   ... --pipeline smooth_pipeline          smoothing alone, then one DenseCRF
_base_ = [
    '../_base_/datasets/voc12_refine.py',
    '../_base_/default_runtime.py',
]
alpha = 11
params = dict(preset='psa', gaussian_compat=10)
proportional = dict(
    type='mmseg_wsss.ProportionalMasks',
    smoothing=0.3,
    alpha=alpha,
    threshold=0.05,
    params=params,
)
refine_pipeline = [*_base_.load_seed, proportional]
proportional_pipeline = [*_base_.load_seed, {**proportional, 'smoothing': 0}]
smooth_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.SmoothScores', smoothing=0.3, threshold=0.05),
    dict(type='mmseg_wsss.AddBackground', alpha=alpha),
    dict(type='mmseg_wsss.DenseCRFRefine', params=params),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
