# AffinityNet (PSA) on ResNet38, MS COCO 2014: SEAM's values for VOC (rate a
# tenth of PSA's, alphas 4 and 24, walk with alpha 6 and 2^6 steps), as PSA has
# no COCO recipe. HFPL's are in psa_r38_hfpl_coco14.py. The commands are those
# of psa_r38_voc12.py, D=data/coco2014.
_base_ = [
    '../_base_/models/affinity_r38.py',
    '../_base_/datasets/coco14_refine.py',
    '../_base_/datasets/colour_jitter.py',
    '../_base_/schedules/psa_sgd_8e.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(
    imports=['mmseg_wsss', 'mmpretrain.datasets'],
    allow_failed_imports=False,
)
crop_size = (448, 448)
checkpoint = f'work_dirs/psa_r38_coco14/epoch_{_base_.epochs}.pth'
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth'
        )
    ),
    decode_head=dict(num_classes=81),
)
label_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PSAConfidentLabels', low_alpha=4, high_alpha=24),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', alpha=6),
    dict(
        type='mmseg_wsss.RandomWalk', checkpoint=checkpoint, beta=8, steps=64
    ),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    _base_.colour_jitter,
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        data_prefix=dict(seg_map_path='psa_labels/labels'),
        pipeline=train_pipeline,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=0.01))
