# AffinityNet (PSA) with MCTformer's values, VOC 2012: rate a tenth of PSA's, 5
# epochs, alphas 1 and 12, walk with a constant background of 0.39 and 2^6
# steps. MCTformer's AffinityNet starts from a ResNet38 trained on VOC's image
# labels, ours from ImageNet. The commands are those of psa_r38_voc12.py.
_base_ = './psa_r38_voc12.py'
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
        checkpoint=f'work_dirs/psa_r38_mctformer_voc12/epoch_{epochs}.pth',
        beta=8,
        steps=64,
    ),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
optim_wrapper = dict(optimizer=dict(lr=0.01))
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
