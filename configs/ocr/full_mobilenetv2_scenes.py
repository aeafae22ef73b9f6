# An upper mark: ce_mobilenetv2_scenes.py on true masks.
_base_ = './ce_mobilenetv2_scenes.py'
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='SegmentationClass'))
)
custom_hooks = [
    dict(type='mmseg_wsss.WeakSupervisionHook', allow_masks=True),
    *_base_.custom_hooks[1:],
]
