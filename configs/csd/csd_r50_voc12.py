# CSD on IRN's ResNet-50 CAM network, VOC 2012, with the paper's values; ours
# are in csd_r50_voc12_min-max.py. Masks are the refined pseudo labels of a
# first run, IRN's, in <data_root>/pseudo_labels:
#   tools/train.py configs/cam/cam_r50_voc12.py, then write its CAMs
#   configs/irn/irn_r50_voc12.py on them
# The paper does not say when CSD starts; in the author's snapshot,
# zaiquanyang/PSD_WSSS, the network has trained without it first. Here it
# starts from the first run and trains the schedule again, as its baseline
# must, with both weights at 0.
_base_ = [
    '../cam/cam_r50_voc12.py',
    '../_base_/losses/csd.py',
]
load_from = 'work_dirs/cam_r50_voc12/epoch_5.pth'
gap_loss = dict(type='mmseg_wsss.GAPLoss')
model = dict(decode_head=dict(loss_decode=[gap_loss, _base_.paper_csd_loss]))
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
