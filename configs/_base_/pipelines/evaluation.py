# How the papers test, as settings of the last stage:
#   evaluate=dict(_base_.evaluate, **_base_.test_as_ocr)
# and of the CAMs and labels: `seeds` compares CAMs with the 1,464 masks of
# VOC's train at every background threshold, `labels_on_train` labels. What a
# paper leaves open is a reading:
# - ocr: 'test-time augmentation and DenseCRFs with the hyper-parameters
#   suggested in' DeepLab v1. The CRF is that of DeepLab's published script.
#   Scales and fusion are those of the baseline's segmentor: SEAM's has five
#   scales with flips (six in another version of it, and a mean of logits);
#   AffinityNet's code holds none, and gets the same.
# - mctformer: its code has these scales without flips, the maximum over the
#   scales, and this CRF.
# - hfpl: the paper gives none; these are the values of its code.
# - dhr: MARS has 'multi-scale inference and CRF with conventional settings',
#   CSD 'the official codes', and IRN's holds no segmentor. These are the
#   values of the code of DHR (apply_ms), by MARS's first author.
# - pmm: one scale in windows, as its segmentor's config has it, and the CRF of
#   its code.
test_scales = dict(
    ocr=(0.5, 0.75, 1.0, 1.25, 1.5),
    hfpl=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75),
    dhr=(0.5, 1.0, 1.5, 2.0),
)
test_pipelines = {
    paper: [
        dict(type='LoadImageFromFile'),
        dict(
            type='TestTimeAug',
            transforms=[
                [
                    dict(type='Resize', scale_factor=r, keep_ratio=True)
                    for r in scales
                ],
                [
                    dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                    dict(type='RandomFlip', prob=1.0, direction='horizontal'),
                ],
                [dict(type='LoadAnnotations')],
                [dict(type='PackSegInputs')],
            ],
        ),
    ]
    for paper, scales in test_scales.items()
}
test_without_flips = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True)
                for r in test_scales['ocr']
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
mean_probabilities = dict(
    type='mmseg_wsss.ScoreTTAModel', fusion='mean_probabilities'
)
mean_logits = dict(type='mmseg_wsss.ScoreTTAModel', fusion='mean_logits')
max_probabilities = dict(
    type='mmseg_wsss.ScoreTTAModel', fusion='max_probabilities'
)
# Without AnchorMetric: its anchors are those of the network, not of the CRF.
metrics = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmseg_wsss.OutOfCandidateMetric'),
]
with_contours = [*metrics, dict(type='mmseg_wsss.ContourMetric')]
test_as_ocr = dict(
    tta=True,
    options={
        'tta_pipeline': test_pipelines['ocr'],
        'tta_model': mean_probabilities,
        'custom_hooks': [
            dict(type='mmseg_wsss.DenseCRFHook', params='deeplab_test')
        ],
        'test_evaluator': metrics,
    },
)
test_as_mctformer = dict(
    tta=True,
    options={
        'tta_pipeline': test_without_flips,
        'tta_model': max_probabilities,
        'custom_hooks': [
            dict(type='mmseg_wsss.DenseCRFHook', params='mctformer_test')
        ],
        'test_evaluator': metrics,
    },
)
test_as_ocr_on_mctformer = dict(
    tta=True,
    options={
        **test_as_ocr['options'],
        'tta_pipeline': test_without_flips,
        'tta_model': max_probabilities,
    },
)
test_as_hfpl = dict(
    tta=True,
    options={
        'tta_pipeline': test_pipelines['hfpl'],
        'tta_model': mean_logits,
        'custom_hooks': [
            dict(type='mmseg_wsss.DenseCRFHook', params='hfpl_test')
        ],
        'test_evaluator': with_contours,
    },
)
# DHR's code leaves classes out of the CRF whose score stays below 0.05; MARS's
# FP and FN are means over the foreground.
test_as_dhr = dict(
    tta=True,
    options={
        'tta_pipeline': test_pipelines['dhr'],
        'tta_model': mean_probabilities,
        'custom_hooks': [
            dict(
                type='mmseg_wsss.DenseCRFHook', params='stego', min_score=0.05
            )
        ],
        'test_evaluator': [
            *metrics,
            dict(type='mmseg_wsss.FalseRateMetric', skip_background=True),
        ],
    },
)
test_as_pmm = dict(
    options={
        'custom_hooks': [dict(type='mmseg_wsss.DenseCRFHook', params='stego')]
    }
)
train_masks = {
    'test_dataloader.dataset.ann_file': 'ImageSets/Segmentation/train.txt',
    'test_dataloader.dataset.data_prefix.seg_map_path': 'SegmentationClass',
}
seeds = dict(
    config='{cams.config}',
    inputs=dict(cams='{cams.cams}'),
    options=train_masks,
)
labels_on_train = dict(
    kind='labels',
    config='configs/mars/published_voc12.py',
    inputs=dict(labels='{walk.labels}'),
    options=train_masks,
)
