# voc_mini on a CPU: plain, or ISL + FSL, CAMs; DenseCRF; a segmentor with OCR.
#   python tools/run_pipeline.py configs/pipelines/voc_mini.py
use = dict(
    hfpl=False,  # ISL and FSL in the CAM network
    crf=True,  # DenseCRF on the seeds
    ocr=True,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
    evaluate_train=False,  # the segmentor's errors on training images
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
    full_segmentor=dict(
        kind='train',
        method='full',
        config='configs/ocr/full_mobilenetv2_voc-mini.py',
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
                'ImageSets/Segmentation/train_aug.txt'
            )
        },
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
    ),
    evaluate=dict(
        config='{segmentor.config}',
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
    ),
)
