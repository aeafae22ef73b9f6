# MARS's stages: features, the centroids of regions, debiased labels.
stego_stages = dict(
    neighbours=dict(method='mars', config='stego'),
    stego=dict(
        method='mars',
        config='stego',
        choose='best',
        inputs=dict(neighbours='{neighbours.neighbours}'),
    ),
)
features = dict(method='mars', config='debias')
centroids = dict(method='mars', config='debias')
debias = dict(method='mars', config='debias', pipeline='debias_pipeline')
# Where the labels come from the walk, from the stage refine, and from others.
walk_inputs = dict(labels='{walk.labels}', features='{features.features}')
refine_inputs = dict(labels='{refine.labels}', features='{features.features}')
published_inputs = dict(walk_inputs, labels='{published.labels}')
made = dict(centroids='{centroids.centroids}')
mars_on_walk = dict(
    features=dict(features, inputs=dict(checkpoint='{stego.checkpoint}')),
    centroids=dict(centroids, inputs=walk_inputs),
    debias=dict(debias, inputs=dict(**walk_inputs, **made)),
)
mars_on_refine = dict(
    features=features,
    centroids=dict(centroids, inputs=refine_inputs),
    debias=dict(debias, inputs=dict(**refine_inputs, **made)),
)
mars_on_published = dict(
    features=mars_on_walk['features'],
    centroids=dict(centroids, inputs=published_inputs),
    debias=dict(debias, inputs=dict(**published_inputs, **made)),
)
