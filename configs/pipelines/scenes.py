# The whole road on the built-in scenes, minutes on a CPU, without a download:
#   python tools/run_pipeline.py configs/pipelines/scenes.py
# A method is switched off here, or with --cfg-options use.ocr=False.
use = dict(
    refine=True,  # pixel-adaptive refinement of the seeds
    ocr=True,  # OCR in the segmentor
)
prepare = [['tools/dataset_converters/make_scenes.py', '--out', 'data/scenes']]
options = {
    'randomness.seed': 0,
    'default_hooks.checkpoint.max_keep_ckpts': 1,
}
stages = dict(
    classifier=dict(config='configs/cam/cam_mobilenetv2_scenes.py'),
    cams=dict(
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
    ),
    refine=dict(
        config='configs/crf/crf_scenes.py',
        pipeline='local_pipeline',
        inputs=dict(cams='{cams.cams}'),
    ),
    segmentor=dict(
        config='configs/ocr/ce_mobilenetv2_scenes.py',
        inputs=dict(labels='{refine.labels}'),
        when=dict(ocr=dict(config='configs/ocr/ocr_mobilenetv2_scenes.py')),
    ),
    evaluate=dict(
        config='{segmentor.config}',
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
    ),
)
