# AffinityNet (PSA) with HFPL's values for multinomial seeds, VOC 2012: alphas
# 2 and 4 (paper, Sec. 5.5).
_base_ = './psa_r38_hfpl_voc12.py'
checkpoint = (
    f'work_dirs/psa_r38_hfpl_voc12_multinomial/epoch_{_base_.epochs}.pth'
)
label_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PSAConfidentLabels', low_alpha=2, high_alpha=4),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', alpha=6),
    dict(
        type='mmseg_wsss.RandomWalk', checkpoint=checkpoint, beta=8, steps=64
    ),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
