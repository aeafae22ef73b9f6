# PMM's labels from seeds of the scenes: smoothing, proportional masks.
#   python tools/make_pseudo_labels.py configs/pmm/ppmg_scenes.py
#   ... --pipeline proportional_pipeline    without the smoothing
#   ... --pipeline smooth_pipeline          smoothing alone, then one DenseCRF
_base_ = [
    '../_base_/datasets/scenes_refine.py',
    '../_base_/default_runtime.py',
]
# 1 - m = m at 0.5, and half the reach on small pictures: crf_scenes.py.
alpha = 1
params = dict(preset='irn', gaussian_compat=10, bilateral_sxy=25)
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
