# IRN on ResNet-50, VOC 2012: the values of IRN's code (batch 32, 3 epochs,
# scale 0.5 to 1.5, crop 512, thresholds 0.30 and 0.05, walk with beta 10,
# 2^8 steps, background 0.25).
# From seeds (tools/make_cams.py ... --out-dir $D/seeds) to pseudo labels:
#   D=data/VOCdevkit/VOC2012
#   python tools/make_pseudo_labels.py CONFIG --pipeline label_pipeline \
#       --out-dir $D/irn_labels
#   python tools/train.py CONFIG
#   python tools/make_pseudo_labels.py CONFIG --out-dir $D/irn
_base_ = [
    '../_base_/models/irn_r50.py',
    '../_base_/datasets/voc12_refine.py',
    '../_base_/schedules/irn_sgd_3e.py',
    '../_base_/default_runtime.py',
]
crop_size = (512, 512)
checkpoint = f'work_dirs/irn_r50_voc12/epoch_{_base_.epochs}.pth'
model = dict(data_preprocessor=dict(size=crop_size))
label_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.IRNConfidentLabels', foreground=0.30, background=0.05
    ),
]
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
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(500, 500),
        ratio_range=(0.5, 1.5),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data_prefix=dict(seg_map_path='irn_labels/labels'),
        pipeline=train_pipeline,
    ),
)
