# AffinityNet (PSA) on ResNet38, VOC 2012: the values of PSA's code (batch 8,
# 8 epochs, crop 448, alphas 4 and 32, walk with alpha 16, beta 8, 2^8 steps).
# At the border the walk is another: PSA's code leaves out pairs whose first
# cell is within 4 cells of the left, right or lower edge, here all take part.
# From seeds (tools/make_cams.py ... --out-dir $D/seeds) to pseudo labels:
#   D=data/VOCdevkit/VOC2012
#   python tools/make_pseudo_labels.py CONFIG --pipeline label_pipeline \
#       --out-dir $D/psa_labels
#   python tools/train.py CONFIG
#   python tools/make_pseudo_labels.py CONFIG --out-dir $D/psa
# For the others set, with their CAM network's seeds,
#   SEAM: psa_r38_seam_voc12.py
#   HFPL: psa_r38_hfpl_voc12.py
#   MCTformer: psa_r38_mctformer_voc12.py
_base_ = [
    '../_base_/models/affinity_r38.py',
    '../_base_/datasets/voc12_refine.py',
    '../_base_/datasets/colour_jitter.py',
    '../_base_/schedules/psa_sgd_8e.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(
    imports=['mmseg_wsss', 'mmpretrain.datasets'],
    allow_failed_imports=False,
)
crop_size = (448, 448)
checkpoint = f'work_dirs/psa_r38_voc12/epoch_{_base_.epochs}.pth'
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth'
        )
    ),
)
label_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.PSAConfidentLabels', low_alpha=4, high_alpha=32),
]
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', alpha=16),
    dict(
        type='mmseg_wsss.RandomWalk', checkpoint=checkpoint, beta=8, steps=256
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
