# DenseCRF, or a local refiner, on the scenes' seeds.
#   python tools/make_pseudo_labels.py configs/crf/crf_scenes.py
#   ... --pipeline seed_pipeline        the seeds as they are
#   ... --pipeline local_pipeline       pixel-adaptive refinement
_base_ = [
    '../_base_/datasets/scenes_refine.py',
    '../_base_/default_runtime.py',
]
# 1 - m = m at 0.5; with (1 - m)^2, voc_mini's, objects come out too large.
background = dict(type='mmseg_wsss.AddBackground', alpha=1)
to_label = dict(type='mmseg_wsss.ScoresToLabel')
seed_pipeline = [*_base_.load_seed, background, to_label]
refine_pipeline = [
    *_base_.load_seed,
    background,
    # Pictures of 160 x 128 pixels: half the reach.
    dict(
        type='mmseg_wsss.DenseCRFRefine',
        params=dict(preset='irn', bilateral_sxy=25),
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
# by its maximum in the photo as CAMs are.
second_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.NormaliseScores', over='class'),
    background,
    to_label,
]
