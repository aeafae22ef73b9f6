# The whole road on the built-in scenes, minutes on a CPU, without a download:
#   python tools/run_pipeline.py configs/pipelines/scenes.py
# A method is switched off here, or with --cfg-options use.ocr=False.
use = dict(
    doubts=True,  # a list of the labels that the other pictures contradict
    # ISL and FSL, in six more epochs of the CAM network (15 without).
    hfpl=True,
    refine=True,  # pixel-adaptive refinement of the seeds
    ocr=True,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
    evaluate_train=False,  # the segmentor's errors on training images
)
prepare = [['tools/dataset_converters/make_scenes.py', '--out', 'data/scenes']]
options = {'randomness.seed': 0}
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
        config='configs/crf/crf_scenes.py',
        pipeline='local_pipeline',
        inputs=dict(cams='{cams.cams}'),
    ),
    # Weights of photos make worse CAMs of drawings (README.md): from the plain
    # CAM network.
    segmentor=dict(
        config='configs/ocr/ce_mobilenetv2_scenes.py',
        inputs=dict(start='{classifier.checkpoint}', labels='{refine.labels}'),
        when=dict(ocr=dict(config='configs/ocr/ocr_mobilenetv2_scenes.py')),
    ),
    full_segmentor=dict(
        kind='train',
        method='full',
        config='configs/ocr/full_mobilenetv2_scenes.py',
        inputs=dict(start='{classifier.checkpoint}'),
    ),
    evaluate_full=dict(
        kind='evaluate',
        method='full',
        config='{full_segmentor.config}',
        inputs=dict(checkpoint='{full_segmentor.checkpoint}'),
    ),
    evaluate_train=dict(
        kind='evaluate',
        config='{segmentor.config}',
        options={
            'test_dataloader.dataset.ann_file': (
                'ImageSets/Segmentation/train.txt'
            )
        },
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
    ),
    evaluate=dict(
        config='{segmentor.config}',
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
    ),
)
