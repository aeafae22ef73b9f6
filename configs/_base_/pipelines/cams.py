# Stages that train CAM networks and write their seeds. `config` is a name in
# `configs` of the pipeline that joins these stages.
train_classifier = dict(
    config='classifier', when=dict(hfpl=dict(config='hfpl'))
)
cams = dict(
    config='{classifier.config}',
    inputs=dict(checkpoint='{classifier.checkpoint}'),
    tta=True,
)
# CSD trains the network before it further, and pastes by its refined labels. A
# pipeline may refine them otherwise: first_walk_stages of affinity.py.
csd_stages = dict(
    first_cams=dict(
        kind='cams',
        method='csd',
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
    ),
    first_labels=dict(
        kind='labels',
        method='csd',
        config='crf',
        inputs=dict(cams='{first_cams.cams}'),
    ),
    csd=dict(
        kind='train',
        config='csd',
        inputs=dict(
            start='{classifier.checkpoint}', labels='{first_labels.labels}'
        ),
        when=dict(hfpl=dict(config='csd_hfpl')),
    ),
    cams=dict(
        config='{csd.config}',
        inputs=dict(checkpoint='{csd.checkpoint}'),
        tta=True,
    ),
)
