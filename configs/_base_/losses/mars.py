# MARS's complementing and weighted cross-entropy, for any segmentor whose
# labels have biased pixels (254):
#   decode_head=dict(sampler=_base_.mars_sampler)
#   custom_hooks=[*_base_.custom_hooks, _base_.mars_hook]
mars_sampler = dict(type='mmseg_wsss.PixelWeightSampler')
mars_hook = dict(
    type='mmseg_wsss.ComplementHook',
    ema=dict(
        type='ExponentialMovingAverage', momentum=0.001, update_buffers=True
    ),
    refine='local',
    weighted=True,
)
