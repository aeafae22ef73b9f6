# CSD on MCTformer-V2, VOC 2012, with the paper's values, on the logits of the
# patch map. Short side 256, crop 224 and ColorJitter, since MMPretrain's
# RandomResizedCrop, RandAugment and RandomErasing change no masks; in the
# author's code the pairs have that crop, the classified image MCTformer's
# augmentation. It starts from a first run, whose refined pseudo labels
# (PSA's walk, configs/psa/psa_r38_mctformer_voc12.py) are the masks,
# <data_root>/pseudo_labels.
_base_ = [
    '../mctformer/mctformer_deit-s_voc12.py',
    '../_base_/losses/csd.py',
]
load_from = 'work_dirs/mctformer_deit-s_voc12/epoch_60.pth'
gap_loss = dict(type='mmseg_wsss.GAPLoss')
token_loss = dict(type='mmseg_wsss.TokenLoss')
losses = [gap_loss, token_loss, _base_.paper_csd_loss]
model = dict(decode_head=dict(loss_decode=losses))
single_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='ResizeShortestEdge', scale=256, max_size=2048),
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='mmpretrain.ColorJitter',
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
    ),
]
train_pipeline = [
    dict(type='mmseg_wsss.CSDCopyPaste'),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmseg_wsss.SeededSampler'),
    dataset=dict(
        _delete_=True,
        type='mmseg_wsss.CSDDataset',
        dataset={
            **_base_.train_dataloader.dataset,
            'pipeline': single_pipeline,
        },
        pipeline=train_pipeline,
    ),
)
