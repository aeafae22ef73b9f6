# VOC 2012 from class names: seeds of a frozen CLIP, DenseCRF, a segmentor with
# OCR; nothing is trained before it.
#   python tools/run_pipeline.py configs/pipelines/voc12_clip.py
_base_ = [
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/comparisons.py',
    '../_base_/pipelines/evaluation.py',
    '../_base_/pipelines/papers.py',
]
use = dict(
    crf=True,  # DenseCRF on the seeds
    ocr=True,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
)
options = {'randomness.seed': 0}
configs = dict(
    clip='configs/clip_es/clip-es_vit-b16_voc12.py',
    segmentor='configs/ocr/ce_deeplab_voc.py',
    ocr='configs/ocr_deeplab_voc.py',
)
prepare = [['tools/make_text_embeddings.py', configs['clip']]]
stages = dict(
    cams=dict(kind='frozen_cams', config='clip'),
    seeds=_base_.seeds,
    refine=dict(method='crf', config='clip', inputs=dict(cams='{cams.cams}')),
    labels_on_train=dict(
        _base_.labels_on_train, inputs=dict(labels='{refine.labels}')
    ),
    segmentor=dict(
        config='segmentor',
        inputs=dict(labels='{refine.labels}'),
        when=dict(ocr=dict(config='ocr')),
    ),
    full_segmentor=_base_.full_on_masks,
    evaluate_full=dict(_base_.evaluate_full, **_base_.test_as_ocr),
    evaluate=dict(_base_.evaluate, **_base_.test_as_ocr),
)
paper = _base_.papers.clip_es_voc12
