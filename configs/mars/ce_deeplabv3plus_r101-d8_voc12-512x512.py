# DeepLabV3+ R101 on pseudo labels of VOC 2012: the baseline of MARS.
# Network, crop and schedule are those of
# mars_deeplabv3plus_r101-d8_voc12-512x512.py.
_base_ = './mars_deeplabv3plus_r101-d8_voc12-512x512.py'
model = dict(decode_head=dict(sampler=None), auxiliary_head=dict(sampler=None))
custom_hooks = [
    hook for hook in _base_.custom_hooks if hook != _base_.mars_hook
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='pseudo_labels'))
)
