# What the segmentor is compared with: the same network trained on true masks,
# and its own errors on the images that it learned from, whose masks the
# evaluation reads. A pipeline gives `evaluate_train` its training list, and as
# `labels` those that the segmentor learned from, for AnchorMetric.
full_segmentor = dict(kind='train', method='full', config='full')
evaluate_full = dict(
    kind='evaluate',
    method='full',
    config='{full_segmentor.config}',
    inputs=dict(checkpoint='{full_segmentor.checkpoint}'),
)
evaluate_train = dict(
    kind='evaluate',
    config='{segmentor.config}',
    inputs=dict(checkpoint='{segmentor.checkpoint}'),
)
