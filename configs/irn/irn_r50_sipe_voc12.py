# IRN on SIPE's CAMs, VOC 2012, with SIPE's values: labels from its background
# map, as it is and halved; the walk on CAMs to the power of 1.5, background
# included. The commands are those of irn_r50_voc12.py.
_base_ = './irn_r50_voc12.py'
label_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.IRNConfidentLabels', own_background=True),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PowerScores', power=1.5),
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=f'work_dirs/irn_r50_sipe_voc12/epoch_{_base_.epochs}.pth',
        beta=10,
        steps=256,
        flip=True,
    ),
    dict(type='mmseg_wsss.NormaliseScores', over='joint'),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
