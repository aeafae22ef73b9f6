# Plain CAM network on ResNet38, MS COCO 2014, by PSA's recipe: that of
# cam_r38_psa_voc12.py. PSA has none for COCO; OCR's authors ran it there and
# do not say how.
_base_ = './cam_r38_coco14.py'
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
