# MARS on IRN's labels, VOC 2012: CAMs of ResNet-50, IRN, STEGO's features,
# debiased labels, a segmentor whose teacher completes them.
#   python tools/run_pipeline.py configs/pipelines/voc12_mars-irn.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = [
    '../_base_/pipelines/cams.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/pipelines/mars.py',
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/comparisons.py',
    '../_base_/pipelines/evaluation.py',
    '../_base_/pipelines/papers.py',
]
use = dict(
    irn=True,  # IRN's walk on the seeds
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=False,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/cam/cam_r50_voc12.py',
    affinity='configs/irn/irn_r50_voc12.py',
    stego='configs/mars/stego_vit-b8-dino_voc12.py',
    debias='configs/mars/debias_voc12.py',
    segmentor='configs/mars/ce_deeplabv2_r50-d8_voc12-512x512.py',
    mars='configs/mars/mars_deeplabv2_r50-d8_voc12-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplabv2_r50-d8_voc12-512x512.py',
)
stages = dict(
    classifier=dict(config='classifier'),
    cams=_base_.cams,
    seeds=_base_.seeds,
    **_base_.irn_stages,
    **_base_.stego_stages,
    **_base_.mars_on_walk,
    segmentor=dict(
        _base_.segmentor,
        options=_base_.with_ce,
        inputs=dict(labels='{debias.labels}'),
    ),
    full_segmentor=_base_.full_on_masks,
    evaluate_full=dict(_base_.evaluate_full, **_base_.test_as_dhr),
    evaluate=dict(_base_.evaluate, **_base_.test_as_dhr),
)
paper = _base_.papers.mars_voc12
