# CSD on IRN's ResNet-50 CAM network, VOC 2012.
# Masks are the pseudo labels of a first run, <data_root>/pseudo_labels:
#   tools/train.py configs/cam/cam_r50_voc12.py, then write its pseudo labels
_base_ = [
    '../cam/cam_r50_voc12.py',
    '../_base_/losses/csd.py',
]
gap_loss = dict(type='mmseg_wsss.GAPLoss')
model = dict(decode_head=dict(loss_decode=[gap_loss, _base_.csd_loss]))
single_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(320, 320),
        ratio_range=(1.0, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
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
