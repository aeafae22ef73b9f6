# CSD: the CAM network, trained on. Objects and backgrounds of photos
# with one class are pasted into photos with several, by the labels that the
# CAMs before gave.
_base_ = ['./cam.py', 'mmseg_wsss::_base_/losses/csd.py']
epochs = _base_.more_epochs
gap_loss = dict(type='mmseg_wsss.GAPLoss')
model = dict(decode_head=dict(loss_decode=[gap_loss, _base_.csd_loss]))
single_pipeline = [
    _base_.load_image,
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    *_base_.augment[:-1],  # pairs are packed, not photos
]
train_pipeline = [
    dict(type='mmseg_wsss.CSDCopyPaste'),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmseg_wsss.SeededSampler'),
    dataset=dict(
        _delete_=True,
        type='mmseg_wsss.CSDDataset',
        dataset={
            **_base_.train_dataloader.dataset,
            'pipeline': single_pipeline,
        },
        pipeline=train_pipeline,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=_base_.lr / 2))
param_scheduler = _base_.poly
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
