# From the CAMs of your photos to pseudo labels, by
#   local_pipeline   pixel-adaptive refinement
#   crf_pipeline     DenseCRF: pip install "mmseg_wsss[crf]"
#   seed_pipeline    the CAMs as they are
#   second_pipeline  a segmentor's probabilities, in a second round
_base_ = ['mmseg_wsss::_base_/default_runtime.py', './data.py']
load_seed = [
    _base_.load_image,
    _base_.load_image_labels,
    dict(type='mmseg_wsss.LoadCAM', cam_dir=f'{_base_.data_root}/seeds/cams'),
]
# Background's score is (1 - m)^alpha, m the largest CAM: it wins below
# m = 0.44. A larger alpha makes objects larger.
background = dict(type='mmseg_wsss.AddBackground', alpha=1.4)
local = dict(type='mmseg_wsss.PixelAdaptiveRefine')
crf = dict(type='mmseg_wsss.DenseCRFRefine', params='irn')
to_label = dict(type='mmseg_wsss.ScoresToLabel')
seed_pipeline = [*load_seed, background, to_label]
local_pipeline = [*load_seed, background, local, to_label]
crf_pipeline = [*load_seed, background, crf, to_label]
test_dataloader = dict(dataset=dict(ann_file='train.txt'))
val_dataloader = None
val_evaluator = None
# The second round: scores are a segmentor's probabilities, each class divided
# by its maximum in the photo as CAMs are.
second_pipeline = [
    *load_seed,
    dict(type='mmseg_wsss.NormaliseScores', over='class'),
    background,
    to_label,
]
