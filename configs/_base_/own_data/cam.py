# A CAM network on your photos. Its CAMs are those of the training photos.
_base_ = [
    'mmseg_wsss::_base_/models/cam_mobilenetv2.py',
    './training.py',
]
cam_scales = (0.5, 1.0, 1.5, 2.0)
model = dict(data_preprocessor=dict(size=_base_.crop_size), **_base_.cam_model)
train_pipeline = [
    _base_.load_image,
    _base_.load_image_labels,
    *_base_.augment,
]
seed_pipeline = [
    _base_.load_image,
    _base_.fit,
    _base_.load_image_labels,
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
tta_model = dict(type='mmseg_wsss.CAMTTAModel')
tta_pipeline = [
    _base_.load_image,
    _base_.fit,
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True)
                for r in cam_scales
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [_base_.load_image_labels],
            [dict(type='mmseg_wsss.PackWSSSInputs')],
        ],
    ),
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(img_path='images'), pipeline=train_pipeline)
)
test_dataloader = dict(
    dataset=dict(ann_file='train.txt', pipeline=seed_pipeline)
)
