# PMM after the seeds. The first segmentor learns from PMM's labels with PMM's
# loss. Its predictions on the training images, over scales and flips, refined
# by a DenseCRF and restricted to the image labels, are the labels of the
# second, which learns with plain cross-entropy. A pipeline gives
# `second_scores` its training list.
_base_ = './second_round.py'
refine = dict(method='ppmg', config='ppmg', inputs=dict(cams='{cams.cams}'))
segmentor = dict(
    config='segmentor',
    inputs=dict(labels='{refine.labels}'),
    when=dict(pus=dict(config='pmm')),
)
second_scores = dict(
    options=dict(
        custom_hooks=[dict(type='mmseg_wsss.DenseCRFHook', params='stego')]
    )
)
second_segmentor = dict(inputs=dict(labels='{second_scores.labels}'))
