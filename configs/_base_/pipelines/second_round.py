# A second round: the segmentor's probabilities on the training photos, over
# scales and flips, restricted to their image labels, are labels of a new
# segmentor. A pipeline gives `second_scores` its training list and
# `second_segmentor` the options of its segmentor.
second_scores = dict(
    kind='cams',
    method='second',
    config='{segmentor.config}',
    inputs=dict(checkpoint='{segmentor.checkpoint}'),
    tta=True,
)
second_labels = dict(
    kind='labels',
    method='second',
    config='crf',
    pipeline='second_pipeline',
    inputs=dict(cams='{second_scores.cams}'),
)
second_segmentor = dict(
    kind='train',
    method='second',
    config='segmentor',
    inputs=dict(labels='{second_labels.labels}'),
)
evaluate_second = dict(
    kind='evaluate',
    config='{second_segmentor.config}',
    inputs=dict(checkpoint='{second_segmentor.checkpoint}'),
)
