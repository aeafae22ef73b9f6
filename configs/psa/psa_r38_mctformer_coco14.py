# AffinityNet (PSA) with MCTformer's values, MS COCO 2014: those for VOC, as it
# has none for COCO. The commands are those of psa_r38_voc12.py,
# D=data/coco2014.
_base_ = './psa_r38_coco14.py'
epochs = 5
label_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PSAConfidentLabels', low_alpha=1, high_alpha=12),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', constant=0.39),
    dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=f'work_dirs/psa_r38_mctformer_coco14/epoch_{epochs}.pth',
        beta=8,
        steps=64,
    ),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
param_scheduler = [
    dict(
        type='PolyLR',
        eta_min=0,
        power=0.9,
        begin=0,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
