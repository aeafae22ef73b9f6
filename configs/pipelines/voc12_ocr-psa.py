# OCR on AffinityNet's seeds, VOC 2012: CAMs of ResNet38, PSA, DeepLab-LargeFOV
# with OCR. Its appendix's form is configs.ocr=configs/ocr/ocr_alg2_...
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_ocr-psa.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = [
    '../_base_/pipelines/cams.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/comparisons.py',
    '../_base_/pipelines/evaluation.py',
    '../_base_/pipelines/papers.py',
]
use = dict(
    psa=True,  # AffinityNet's walk on the seeds
    ocr=True,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
    evaluate_train=False,  # how often OCR's anchor is right, on train
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/cam/cam_r38_psa_voc12.py',
    affinity='configs/psa/psa_r38_voc12.py',
    segmentor='configs/ocr/ce_deeplab_voc.py',
    ocr='configs/ocr_deeplab_voc.py',
)
stages = dict(
    classifier=dict(config='classifier'),
    cams=_base_.cams,
    seeds=_base_.seeds,
    **_base_.psa_stages,
    segmentor=dict(
        config='segmentor',
        inputs=dict(labels='{walk.labels}'),
        when=dict(ocr=dict(config='ocr')),
    ),
    full_segmentor=_base_.full_on_masks,
    evaluate_full=dict(_base_.evaluate_full, **_base_.test_as_ocr),
    evaluate_train=dict(
        _base_.evaluate_train,
        options=_base_.train_masks,
        inputs=dict(
            checkpoint='{segmentor.checkpoint}', labels='{walk.labels}'
        ),
    ),
    evaluate=dict(_base_.evaluate, **_base_.test_as_ocr),
)
paper = _base_.papers.ocr_voc12
