# voc_mini on a CPU: plain, or ISL + FSL, CAMs; DenseCRF; a segmentor with OCR.
#   python tools/run_pipeline.py configs/pipelines/voc_mini.py
_base_ = [
    '../_base_/pipelines/second_round.py',
    '../_base_/pipelines/comparisons.py',
]
use = dict(
    hfpl=False,  # ISL and FSL in the CAM network
    crf=True,  # DenseCRF on the seeds
    ocr=True,  # OCR in the segmentor
    second=False,  # a new segmentor on the labels that the first one gives
    full=False,  # an upper mark: the segmentor trained on true masks
    evaluate_train=False,  # the segmentor's errors on training images
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/cam/cam_mobilenetv2_voc-mini.py',
    hfpl='configs/hfpl/isl-fsl_mobilenetv2_voc-mini.py',
    crf='configs/crf/crf_voc-mini.py',
    segmentor='configs/ocr/ce_mobilenetv2_voc-mini.py',
    ocr='configs/ocr/ocr_mobilenetv2_voc-mini.py',
    full='configs/ocr/full_mobilenetv2_voc-mini.py',
)
on_train = {
    'test_dataloader.dataset.ann_file': 'ImageSets/Segmentation/train_aug.txt'
}
stages = dict(
    classifier=dict(config='classifier', when=dict(hfpl=dict(config='hfpl'))),
    cams=dict(
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
        tta=True,
    ),
    refine=dict(
        method='crf',
        config='crf',
        inputs=dict(cams='{cams.cams}'),
    ),
    segmentor=dict(
        config='segmentor',
        inputs=dict(labels='{refine.labels}'),
        when=dict(ocr=dict(config='ocr')),
    ),
    second_scores=dict(_base_.second_scores, options=on_train),
    second_labels=_base_.second_labels,
    second_segmentor=_base_.second_segmentor,
    full_segmentor=_base_.full_segmentor,
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
