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
# CSD pastes by the pseudo labels of the network before it.
csd_stages = dict(
    first_cams=dict(
        kind='cams',
        method='csd',
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
    ),
    csd=dict(
        kind='train',
        config='csd',
        inputs=dict(labels='{first_cams.labels}'),
        when=dict(hfpl=dict(config='csd_hfpl')),
    ),
    cams=dict(
        config='{csd.config}',
        inputs=dict(checkpoint='{csd.checkpoint}'),
        tta=True,
    ),
)
