# The whole road on the built-in scenes, minutes on a CPU, without a download:
#   python tools/run_pipeline.py configs/pipelines/scenes.py
# A method is switched off here, or with --cfg-options use.ocr=False.
_base_ = [
    '../_base_/pipelines/second_round.py',
    '../_base_/pipelines/comparisons.py',
]
use = dict(
    doubts=True,  # a list of the labels that the other pictures contradict
    # ISL and FSL, in six more epochs of the CAM network (15 without).
    hfpl=True,
    refine=True,  # pixel-adaptive refinement of the seeds
    ocr=True,  # OCR in the segmentor
    second=False,  # a new segmentor on the labels that the first one gives
    full=False,  # an upper mark: the segmentor trained on true masks
    evaluate_train=False,  # the segmentor's errors on training images
)
prepare = [['tools/dataset_converters/make_scenes.py', '--out', 'data/scenes']]
options = {'randomness.seed': 0}
configs = dict(
    crf='configs/crf/crf_scenes.py',
    segmentor='configs/ocr/ce_mobilenetv2_scenes.py',
    ocr='configs/ocr/ocr_mobilenetv2_scenes.py',
    full='configs/ocr/full_mobilenetv2_scenes.py',
)
on_train = {
    'test_dataloader.dataset.ann_file': 'ImageSets/Segmentation/train.txt'
}
stages = dict(
    classifier=dict(config='configs/cam/cam_mobilenetv2_scenes.py'),
    doubts=dict(
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
    ),
    hfpl=dict(
        kind='train',
        config='configs/hfpl/isl-fsl_mobilenetv2_scenes.py',
        inputs=dict(start='{classifier.checkpoint}'),
    ),
    cams=dict(
        config='{hfpl.config}',
        inputs=dict(checkpoint='{hfpl.checkpoint}'),
    ),
    refine=dict(
        config='crf',
        pipeline='local_pipeline',
        inputs=dict(cams='{cams.cams}'),
    ),
    # Weights of photos make worse CAMs of drawings (README.md): from the plain
    # CAM network.
    segmentor=dict(
        config='segmentor',
        inputs=dict(start='{classifier.checkpoint}', labels='{refine.labels}'),
        when=dict(ocr=dict(config='ocr')),
    ),
    second_scores=dict(_base_.second_scores, options=on_train),
    second_labels=_base_.second_labels,
    second_segmentor=dict(
        _base_.second_segmentor,
        # Without it `evaluate` reads what made the labels: they come first.
        inputs=dict(
            labels='{second_labels.labels}', start='{classifier.checkpoint}'
        ),
    ),
    full_segmentor=dict(
        _base_.full_segmentor, inputs=dict(start='{classifier.checkpoint}')
    ),
    evaluate_full=_base_.evaluate_full,
    evaluate_train=dict(
        _base_.evaluate_train,
        options=on_train,
        inputs=dict(
            checkpoint='{segmentor.checkpoint}', labels='{refine.labels}'
        ),
    ),
    evaluate=_base_.evaluate_second,
)
