# Spatial-BCE on voc_mini, whole photos squashed to 224 x 224. The backbone
# starts from the plain CAM network, whose pseudo labels give the shares:
#   python tools/train.py configs/cam/cam_mobilenetv2_voc-mini.py
_base_ = ['../cam/cam_mobilenetv2_voc-mini.py']
model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/cam_mobilenetv2_voc-mini/epoch_4.pth',
            prefix='backbone.',
        )
    ),
    decode_head=dict(
        type='mmseg_wsss.PolarHead',
        background_threshold=0.5,
        loss_decode=dict(type='mmseg_wsss.SpatialBCE'),
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    dict(type='Resize', scale=_base_.crop_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
