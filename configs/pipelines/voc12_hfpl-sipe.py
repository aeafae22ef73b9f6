# HFPL on SIPE, VOC 2012: SIPE's CAMs trained with ISL and FSL, IRN with SIPE's
# values, DeepLab-LargeFOV. Without ISL and FSL:
#   --cfg-options use.hfpl=False
# configs/ocr/README.md says which weights the segmentor needs. On more GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_hfpl-sipe.py \
#       --launcher pytorch --gpus 2 --split-batch --num-workers 4
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
    hfpl=True,  # ISL and FSL in the CAM network
    irn=True,  # IRN's walk on the seeds
    full=False,  # an upper mark: the segmentor trained on true masks
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/sipe/sipe_r50_voc12.py',
    hfpl='configs/hfpl/isl-fsl_sipe-r50_voc12.py',
    affinity='configs/irn/irn_r50_sipe_voc12.py',
    segmentor='configs/hfpl/ce_deeplab-largefov_r38_20k_voc12-448x448.py',
)
stages = dict(
    classifier=_base_.train_classifier,
    cams=_base_.cams,
    seeds=_base_.seeds,
    **_base_.irn_stages,
    segmentor=dict(config='segmentor', inputs=dict(labels='{walk.labels}')),
    full_segmentor=_base_.full_on_masks,
    evaluate_full=dict(_base_.evaluate_full, **_base_.test_as_hfpl),
    evaluate=dict(_base_.evaluate, **_base_.test_as_hfpl),
)
paper = _base_.papers.hfpl_sipe_voc12
