# voc_mini on a CPU: plain, or ISL + FSL, CAMs; DenseCRF; a segmentor with OCR.
#   python tools/run_pipeline.py configs/pipelines/voc_mini.py
use = dict(
    hfpl=False,  # ISL and FSL in the CAM network
    crf=True,  # DenseCRF on the seeds
    ocr=True,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
stages = dict(
    classifier=dict(
        config='configs/cam/cam_mobilenetv2_voc-mini.py',
        when=dict(
            hfpl=dict(config='configs/hfpl/isl-fsl_mobilenetv2_voc-mini.py')
        ),
    ),
    cams=dict(
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
        tta=True,
    ),
    refine=dict(
        method='crf',
        config='configs/crf/crf_voc-mini.py',
        inputs=dict(cams='{cams.cams}'),
    ),
    segmentor=dict(
        config='configs/ocr/ce_mobilenetv2_voc-mini.py',
        inputs=dict(labels='{refine.labels}'),
        when=dict(ocr=dict(config='configs/ocr/ocr_mobilenetv2_voc-mini.py')),
    ),
    evaluate=dict(
        config='{segmentor.config}',
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
    ),
)
