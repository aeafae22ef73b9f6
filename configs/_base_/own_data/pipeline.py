# From the image labels of your photos to a segmentor:
#   python tools/run_pipeline.py <this folder>/pipeline.py
# A method is switched on or off here, or with --cfg-options use.ocr=False.
_base_ = ['./common.py', 'mmseg_wsss::_base_/losses/ocr.py']
use = dict(
    doubts=True,  # a list of the labels that the other photos contradict
    hfpl=True,  # ISL and FSL, in a second training of the CAM network
    csd=False,  # CSD, in one more; for photos with several classes
    irn=True,  # IRN's walk on the CAMs; needs mmseg_wsss[crf]
    refine=True,  # pixel-adaptive refinement of the labels
    crf=False,  # DenseCRF in its place; needs mmseg_wsss[crf]
    mars=False,  # debiased labels, and a teacher that completes them
    ocr=True,  # OCR in the segmentor
    second=False,  # a new segmentor on the labels that the first one gives
    full=False,  # an upper mark; needs a mask of each training photo
)
options = {'randomness.seed': _base_.seed}
here = _base_.data_root
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
# From scratch a segmentor leaves whole classes out.
start = {} if _base_.weights else dict(start='{classifier.checkpoint}')
# Doubts are by features that have seen no label, where there are any: before
# an hour of training on wrong ones.
doubts = dict(config=f'{here}/cam.py')
if _base_.weights:
    first = dict(doubts=doubts, classifier=dict(config=f'{here}/cam.py'))
else:
    doubts['inputs'] = dict(checkpoint='{classifier.checkpoint}')
    first = dict(classifier=dict(config=f'{here}/cam.py'), doubts=doubts)
stages = dict(
    **first,
    hfpl=dict(
        kind='train',
        config=f'{here}/hfpl.py',
        inputs=dict(start='{classifier.checkpoint}'),
    ),
    # CSD pastes by the pseudo labels of the network before it.
    first_cams=dict(
        kind='cams',
        method='csd',
        config='{hfpl.config}',
        inputs=dict(checkpoint='{hfpl.checkpoint}'),
    ),
    csd=dict(
        kind='train',
        config=f'{here}/csd.py',
        inputs=dict(start='{hfpl.checkpoint}', labels='{first_cams.labels}'),
        when=dict(hfpl=dict(config=f'{here}/csd_hfpl.py')),
    ),
    cams=dict(
        config='{csd.config}',
        inputs=dict(checkpoint='{csd.checkpoint}'),
        tta=True,
    ),
    confident=dict(
        method='irn',
        config=f'{here}/affinity.py',
        pipeline='label_pipeline',
        inputs=dict(cams='{cams.cams}'),
    ),
    affinity=dict(
        method='irn',
        config=f'{here}/affinity.py',
        inputs=dict(start='{csd.checkpoint}', labels='{confident.labels}'),
    ),
    refine=dict(
        method='labels',
        config=f'{here}/refine.py',
        pipeline='seed_pipeline',
        inputs=dict(cams='{cams.cams}'),
        when=dict(
            refine=dict(pipeline='local_pipeline'),
            irn=dict(
                config=f'{here}/affinity.py',
                inputs=dict(checkpoint='{affinity.checkpoint}'),
            ),
            crf=dict(pipeline='crf_pipeline'),
        ),
    ),
    features=dict(method='mars', config=f'{here}/debias.py'),
    centroids=dict(
        method='mars',
        config=f'{here}/debias.py',
        inputs=dict(labels='{refine.labels}', features='{features.features}'),
    ),
    debias=dict(
        method='mars',
        config=f'{here}/debias.py',
        pipeline='debias_pipeline',
        inputs=dict(
            labels='{refine.labels}',
            features='{features.features}',
            centroids='{centroids.centroids}',
        ),
    ),
    segmentor=dict(
        config=f'{here}/segmentor.py',
        inputs=dict(**start, labels='{debias.labels}'),
        when=dict(
            mars=dict(config=f'{here}/mars_segmentor.py'),
            ocr=dict(
                options={
                    'model.decode_head.loss_decode': [
                        ce_loss,
                        _base_.ocr_loss,
                    ]
                }
            ),
        ),
    ),
    # Its probabilities on the training photos, restricted to their labels.
    second_scores=dict(
        kind='cams',
        method='second',
        config='{segmentor.config}',
        options={'test_dataloader.dataset.ann_file': 'train.txt'},
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
        tta=True,
    ),
    second_labels=dict(
        kind='labels',
        method='second',
        config=f'{here}/refine.py',
        pipeline='second_pipeline',
        inputs=dict(cams='{second_scores.cams}'),
    ),
    second_segmentor=dict(
        kind='train',
        method='second',
        config=f'{here}/segmentor.py',
        # Labels first: where it is off, they lead to the first segmentor.
        inputs=dict(labels='{second_labels.labels}', **start),
    ),
    full_segmentor=dict(
        kind='train',
        method='full',
        config=f'{here}/full_segmentor.py',
        inputs=start,
    ),
    evaluate_full=dict(
        kind='evaluate',
        method='full',
        config='{full_segmentor.config}',
        inputs=dict(checkpoint='{full_segmentor.checkpoint}'),
    ),
    evaluate=dict(
        config='{second_segmentor.config}',
        inputs=dict(checkpoint='{second_segmentor.checkpoint}'),
    ),
)
