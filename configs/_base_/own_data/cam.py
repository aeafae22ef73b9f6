# A CAM network on your photos. Its CAMs are those of the training photos.
_base_ = [
    'mmseg_wsss::_base_/models/cam_mobilenetv2.py',
    './training.py',
]
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
train_dataloader = dict(
    dataset=dict(data_prefix=dict(img_path='images'), pipeline=train_pipeline)
)
test_dataloader = dict(
    dataset=dict(ann_file='train.txt', pipeline=seed_pipeline)
)
