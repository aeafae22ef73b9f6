# A segmentor on the debiased labels: a teacher fills what MARS marked.
_base_ = ['./segmentor.py', 'mmseg_wsss::_base_/losses/mars.py']
model = dict(decode_head=dict(sampler=_base_.mars_sampler))
custom_hooks = [
    *_base_.custom_hooks,
    # The teacher remembers an eighth of the training: change both together.
    dict(
        _base_.mars_hook,
        ema=dict(_base_.mars_hook.ema, momentum=_base_.teacher_momentum),
        # OCR would push down the classes that a photo does not have.
        restrict_to_labels=True,
    ),
]
