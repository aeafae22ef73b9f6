# IRN on ResNet-50, VOC 2012, with the displacement branch, which separates
# instances. As in IRN it has ten times the rate. Semantic pseudo labels are
# those of irn_r50_voc12.py.
_base_ = './irn_r50_voc12.py'
checkpoint = 'work_dirs/irn-displacement_r50_voc12/epoch_3.pth'
model = dict(
    decode_head=dict(
        type='mmseg_wsss.IRNDisplacementHead',
        num_fine=2,
        loss_decode=[
            dict(type='mmseg_wsss.AffinityLoss'),
            dict(type='mmseg_wsss.DisplacementLoss', loss_weight=0.5),
        ],
    )
)
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'decode_head.displacement': dict(lr_mult=10)}
    )
)
refine_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=checkpoint,
        beta=10,
        steps=256,
        flip=True,
    ),
    dict(type='mmseg_wsss.NormaliseScores', over='joint'),
    dict(type='mmseg_wsss.AddBackground', constant=0.25),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
