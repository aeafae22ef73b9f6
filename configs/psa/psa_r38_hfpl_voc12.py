# AffinityNet (PSA) with HFPL's values, VOC 2012: rate a tenth of PSA's, alphas
# 1 and 24, walk with alpha 6 and 2^6 steps. The commands are those of
# psa_r38_voc12.py.
_base_ = './psa_r38_voc12.py'
label_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PSAConfidentLabels', low_alpha=1, high_alpha=24),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', alpha=6),
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=f'work_dirs/psa_r38_hfpl_voc12/epoch_{_base_.epochs}.pth',
        beta=8,
        steps=64,
    ),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
optim_wrapper = dict(optimizer=dict(lr=0.01))
