# AffinityNet (PSA) with HFPL's values, MS COCO 2014: alphas 1 and 24. Alpha 1
# calls foreground only what exceeds 0.5, where SEAM's 4 asks for 0.28. The
# commands are those of psa_r38_voc12.py, D=data/coco2014.
_base_ = './psa_r38_coco14.py'
label_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PSAConfidentLabels', low_alpha=1, high_alpha=24),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', alpha=6),
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=f'work_dirs/psa_r38_hfpl_coco14/epoch_{_base_.epochs}.pth',
        beta=8,
        steps=64,
    ),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
