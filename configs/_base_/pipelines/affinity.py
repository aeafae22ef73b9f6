# Stages that train an affinity network on the confident pixels of the seeds,
# and walk with it. IRN and PSA differ in their configs only.
irn_stages = dict(
    confident=dict(
        method='irn',
        config='affinity',
        pipeline='label_pipeline',
        inputs=dict(cams='{cams.cams}'),
    ),
    affinity=dict(
        method='irn',
        config='affinity',
        inputs=dict(labels='{confident.labels}'),
    ),
    walk=dict(
        method='irn',
        config='affinity',
        inputs=dict(cams='{cams.cams}', checkpoint='{affinity.checkpoint}'),
    ),
)
# The same on the CAMs of a first run: the labels that CSD pastes by.
first_walk_stages = dict(
    first_confident=dict(
        irn_stages['confident'],
        kind='labels',
        method='csd',
        inputs=dict(cams='{first_cams.cams}'),
    ),
    first_affinity=dict(
        kind='train',
        method='csd',
        config='affinity',
        inputs=dict(labels='{first_confident.labels}'),
    ),
    first_labels=dict(
        kind='labels',
        method='csd',
        config='affinity',
        inputs=dict(
            cams='{first_cams.cams}', checkpoint='{first_affinity.checkpoint}'
        ),
    ),
)
psa_stages = dict(
    confident=dict(irn_stages['confident'], method='psa'),
    affinity=dict(irn_stages['affinity'], method='psa'),
    walk=dict(irn_stages['walk'], method='psa'),
)
# HFPL's alphas with ISL (configs.affinity_hfpl: 1 and 24), SEAM's without
# (configs.affinity: 4 and 24).
psa_hfpl_stages = {
    name: dict(when=dict(hfpl=dict(config='affinity_hfpl')))
    for name in psa_stages
}
# DenseCRF on the seeds; with IRN after the walk.
refine = dict(
    config='crf',
    inputs=dict(cams='{cams.cams}'),
    when=dict(
        irn=dict(
            config='affinity',
            pipeline='crf_pipeline',
            inputs=dict(checkpoint='{affinity.checkpoint}'),
        )
    ),
)
