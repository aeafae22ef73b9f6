# Everything together, VOC 2012: CAMs of ResNet-50 trained with ISL, FSL and
# CSD, IRN, MARS, a segmentor with OCR and weighted cross-entropy. CSD has our
# values, as the paper's made the CAMs of the scenes worse.
#   python tools/run_pipeline.py configs/pipelines/all_voc12.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = [
    '../_base_/pipelines/cams.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/pipelines/mars.py',
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/second_round.py',
    '../_base_/pipelines/comparisons.py',
    '../_base_/pipelines/evaluation.py',
    '../_base_/pipelines/papers.py',
]
use = dict(
    hfpl=True,  # ISL and FSL in the CAM networks
    csd=True,  # the second CAM network, trained with CSD
    irn=True,  # IRN's walk on the seeds
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=True,  # OCR in the segmentor
    second=False,  # a new segmentor on the labels that the first one gives
    full=False,  # an upper mark: the segmentor trained on true masks
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/cam/cam_r50_voc12.py',
    hfpl='configs/hfpl/isl-fsl_r50_voc12.py',
    csd='configs/csd/csd_r50_voc12_min-max.py',
    csd_hfpl='configs/csd/csd-isl-fsl_r50_voc12_min-max.py',
    affinity='configs/irn/irn_r50_voc12.py',
    stego='configs/mars/stego_vit-b8-dino_voc12.py',
    crf='configs/crf/crf_voc12.py',
    debias='configs/mars/debias_voc12.py',
    segmentor='configs/mars/ce_deeplabv2_r50-d8_voc12-512x512.py',
    scores='configs/mars/scores_deeplabv2_r50-d8_voc12.py',
    mars='configs/mars/mars_deeplabv2_r50-d8_voc12-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplabv2_r50-d8_voc12-512x512.py',
)
stages = dict(
    classifier=_base_.train_classifier,
    first_cams=dict(_base_.csd_stages.first_cams, tta=True),
    **_base_.first_walk_stages,
    csd=_base_.csd_stages.csd,
    cams=_base_.csd_stages.cams,
    seeds=_base_.seeds,
    **_base_.irn_stages,
    labels_on_train=_base_.labels_on_train,
    **_base_.stego_stages,
    **_base_.mars_on_walk,
    segmentor=dict(
        _base_.segmentor,
        options=_base_.with_ce,
        inputs=dict(labels='{debias.labels}'),
    ),
    second_scores=dict(_base_.second_scores, config='scores'),
    second_labels=_base_.second_labels,
    second_segmentor=dict(_base_.second_segmentor, options=_base_.with_ce),
    full_segmentor=_base_.full_on_masks,
    evaluate_full=dict(_base_.evaluate_full, **_base_.test_as_dhr),
    evaluate=dict(_base_.evaluate_second, **_base_.test_as_dhr),
)
