# A segmentor on the scenes' debiased labels, whose biased pixels a teacher
# completes. Its baseline is ../ocr/ce_mobilenetv2_scenes.py.
_base_ = ['../ocr/ce_mobilenetv2_scenes.py', '../_base_/losses/mars.py']
model = dict(decode_head=dict(sampler=_base_.mars_sampler))
custom_hooks = [
    *_base_.custom_hooks,
    # 380 iterations: the teacher remembers 50.
    dict(_base_.mars_hook, ema=dict(_base_.mars_hook.ema, momentum=0.02)),
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='debiased/labels'))
)
