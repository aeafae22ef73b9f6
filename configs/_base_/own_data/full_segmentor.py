# An upper mark: the segmentor on true masks, one for each training photo.
_base_ = './segmentor.py'
train_dataloader = dict(dataset=dict(data_prefix=dict(seg_map_path='masks')))
custom_hooks = [
    dict(type='mmseg_wsss.WeakSupervisionHook', allow_masks=True),
    *_base_.custom_hooks[1:],
]
