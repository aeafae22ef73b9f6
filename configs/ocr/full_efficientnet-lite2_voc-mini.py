# An upper mark: ce_efficientnet-lite2_voc-mini.py on true masks.
_base_ = './ce_efficientnet-lite2_voc-mini.py'
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='SegmentationClassAug'))
)
custom_hooks = [
    dict(type='mmseg_wsss.WeakSupervisionHook', allow_masks=True),
    *_base_.custom_hooks[1:],
]
