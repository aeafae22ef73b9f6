# DeepLab-LargeFOV on ResNet38, pseudo labels of VOC 2012: the baseline of MARS
# on SEAM.
_base_ = './mars_deeplab-largefov_r38_voc12-512x512.py'
model = dict(decode_head=dict(sampler=None))
custom_hooks = [
    hook for hook in _base_.custom_hooks if hook != _base_.mars_hook
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='pseudo_labels'))
)
