# IRN with HFPL's values for Spatial-BCE, VOC 2012: thresholds 0.60 and 0.25,
# background 0.40, that with FSL. The commands are those of irn_r50_voc12.py.
_base_ = './irn_r50_voc12.py'
label_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.IRNConfidentLabels', foreground=0.60, background=0.25
    ),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=(
            f'work_dirs/irn_r50_spatial-bce_voc12/epoch_{_base_.epochs}.pth'
        ),
        beta=10,
        steps=256,
        flip=True,
    ),
    dict(type='mmseg_wsss.NormaliseScores', over='joint'),
    dict(type='mmseg_wsss.AddBackground', constant=0.40),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
