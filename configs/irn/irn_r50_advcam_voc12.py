# IRN with AdvCAM's values, VOC 2012: thresholds 0.35 and 0.15, the walk on
# CAMs to the power of 1.5. The commands are those of irn_r50_voc12.py.
_base_ = './irn_r50_voc12.py'
label_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.IRNConfidentLabels', foreground=0.35, background=0.15
    ),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PowerScores', power=1.5),
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=f'work_dirs/irn_r50_advcam_voc12/epoch_{_base_.epochs}.pth',
        beta=10,
        steps=256,
        flip=True,
    ),
    dict(type='mmseg_wsss.NormaliseScores', over='joint'),
    dict(type='mmseg_wsss.AddBackground', constant=0.25),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
