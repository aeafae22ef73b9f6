# Plain CAM network on ResNet-50 at output stride 16, VOC 2012: IRN's sizes
# (crop 512, long side 320 to 640, batch 16, 5 epochs, background at 0.15).
_base_ = [
    '../_base_/models/cam_r50.py',
    '../_base_/datasets/voc12_cam.py',
    '../_base_/schedules/cam_sgd_5e.py',
    '../_base_/default_runtime.py',
]
crop_size = (512, 512)
model = dict(
    data_preprocessor=dict(size=crop_size),
    decode_head=dict(background_threshold=0.15),
)
tta_model = dict(type='mmseg_wsss.CAMTTAModel')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(320, 320),
        ratio_range=(1.0, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
