# DenseCRF, or a local refiner, on seeds of PASCAL VOC 2012.
#   python tools/make_pseudo_labels.py configs/crf/crf_voc12.py
#   ... --pipeline seed_pipeline        the seeds as they are
#   ... --pipeline local_pipeline       pixel-adaptive refinement
#   ... --pipeline second_pipeline      a segmentor's scores, in a second round
_base_ = [
    '../_base_/datasets/voc12_refine.py',
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
# The background of crf_voc-mini.py, where it was chosen.
second_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.NormaliseScores', over='class'),
    dict(type='mmseg_wsss.AddBackground', alpha=6),
    to_label,
]
