# PMM, VOC 2012: SEAM's CAMs, PMM's labels, PSPNet on ResNet38 with PMM's loss,
# and a second one on the predictions of the first.
# configs/ocr/README.md says which weights are needed. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_pmm.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = [
    '../_base_/pipelines/cams.py',
    '../_base_/pipelines/pmm.py',
    '../_base_/pipelines/evaluation.py',
    '../_base_/pipelines/papers.py',
]
use = dict(
    ppmg=True,  # PMM's labels
    pus=True,  # PMM's loss in the first segmentor
    second=True,  # a second segmentor on the predictions of the first
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/seam/seam_r38_voc12.py',
    ppmg='configs/pmm/ppmg_voc12.py',
    segmentor='configs/pmm/ce_pspnet_r38_20k_voc12-512x512.py',
    pmm='configs/pmm/pmm_pspnet_r38_20k_voc12-512x512.py',
    scores='configs/pmm/scores_pspnet_r38_voc12.py',
)
stages = dict(
    classifier=dict(config='classifier'),
    cams=_base_.cams,
    seeds=_base_.seeds,
    refine=_base_.refine,
    segmentor=_base_.segmentor,
    second_scores=dict(_base_.second_scores, config='scores'),
    second_segmentor=_base_.second_segmentor,
    evaluate=dict(_base_.evaluate_second, **_base_.test_as_pmm),
)
paper = _base_.papers.pmm_voc12
