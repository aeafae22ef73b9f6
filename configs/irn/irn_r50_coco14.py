# IRN on ResNet-50, MS COCO 2014: its values for VOC, as IRN has no COCO
# recipe. Images of up to 640 pixels are seen whole (IRN's code crops at 512).
# The commands are those of irn_r50_voc12.py, D=data/coco2014.
_base_ = [
    '../_base_/models/irn_r50.py',
    '../_base_/datasets/coco14_refine.py',
    '../_base_/schedules/irn_sgd_3e.py',
    '../_base_/default_runtime.py',
]
crop_size = (512, 512)
checkpoint = f'work_dirs/irn_r50_coco14/epoch_{_base_.epochs}.pth'
model = dict(
    data_preprocessor=dict(size=crop_size),
    decode_head=dict(num_classes=81),
)
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
        scale=(640, 640),
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
