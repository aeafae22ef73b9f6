# DenseCRF, or a local refiner, on seeds of voc_mini.
#   python tools/make_pseudo_labels.py configs/crf/crf_voc-mini.py
#   ... --pipeline seed_pipeline        the seeds as they are
#   ... --pipeline local_pipeline       pixel-adaptive refinement
_base_ = [
    '../_base_/datasets/voc_mini_refine.py',
    '../_base_/default_runtime.py',
]
# (1 - m)^2 = m at 0.38.
background = dict(type='mmseg_wsss.AddBackground', alpha=2)
to_label = dict(type='mmseg_wsss.ScoresToLabel')
seed_pipeline = [*_base_.load_seed, background, to_label]
refine_pipeline = [
    *_base_.load_seed,
    background,
    dict(
        type='mmseg_wsss.DenseCRFRefine',
        params='irn',
    ),
    to_label,
]
local_pipeline = [
    *_base_.load_seed,
    background,
    dict(type='mmseg_wsss.PixelAdaptiveRefine'),
    to_label,
]
# The second round: scores are a segmentor's probabilities, each class divided
# by its maximum in the photo as CAMs are. (1 - m)^6 = m at 0.22: a segmentor
# misses more of new photos than its labels do, so these have more FP than FN.
second_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.NormaliseScores', over='class'),
    dict(type='mmseg_wsss.AddBackground', alpha=6),
    to_label,
]
