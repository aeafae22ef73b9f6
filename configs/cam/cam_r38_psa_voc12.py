# Plain CAM network on ResNet38, VOC 2012: the recipe of PSA (AffinityNet), of
# its code: 15 epochs, batch 16, long side 256 to 512, crop 448, ten times
# SEAM's learning rate; CAMs are cut at 0 and divided by their maximum, the
# background scores 0.2. Its seeds are those of OCR's first row.
_base_ = './cam_r38_voc12.py'
epochs = 15
model = dict(decode_head=dict(normalise='max', background_threshold=0.2))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    dict(
        type='RandomResize',
        scale=(256, 256),
        ratio_range=(1.0, 2.0),
        keep_ratio=True,
    ),
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.1))
param_scheduler = [{**_base_.param_scheduler[0], 'end': epochs}]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
