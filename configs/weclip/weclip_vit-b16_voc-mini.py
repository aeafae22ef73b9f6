# WeCLIP, voc_mini: 18 epochs of crops of 224, 4 thousand iterations. A resumed
# run is the unbroken one. See weclip_vit-b16_voc12.py.
_base_ = [
    '../_base_/models/weclip_vit-b16.py',
    '../_base_/datasets/voc_mini.py',
    '../_base_/schedules/weclip_30k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    decode_head=dict(num_classes=7),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mmseg_wsss.CLIPLabelsHook',
        text_embeddings=f'{_base_.data_root}/clip_text.npz',
        refine_from=2000,
    ),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    _base_.load_image_labels,
    _base_.resize,
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
tta_model = dict(fusion='mean_logits')
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
train_cfg = dict(
    _delete_=True, type='EpochBasedTrainLoop', max_epochs=18, val_interval=3
)
param_scheduler = _base_.param_scheduler
param_scheduler[1].end = 4032  # 224 in an epoch
log_processor = dict(by_epoch=True)
default_hooks = dict(
    logger=dict(log_metric_by_epoch=True),
    checkpoint=dict(by_epoch=True, interval=3),
)
