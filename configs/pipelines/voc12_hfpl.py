# HFPL, VOC 2012: CAMs of ResNet38 trained with ISL and FSL, PSA with HFPL's
# values, DeepLab-LargeFOV. The stages are those of voc12_ocr-psa.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_hfpl.py \
#       --launcher pytorch --gpus 2 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './voc12_ocr-psa.py'
use = dict(
    _delete_=True,
    hfpl=True,  # ISL and FSL in the CAM network
    psa=True,  # AffinityNet's walk on the seeds
    ocr=False,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
)
configs = dict(
    _delete_=True,
    classifier='configs/cam/cam_r38_voc12.py',
    hfpl='configs/hfpl/isl-fsl_r38_voc12.py',
    affinity='configs/psa/psa_r38_seam_voc12.py',
    affinity_hfpl='configs/psa/psa_r38_hfpl_voc12.py',
    segmentor='configs/hfpl/ce_deeplab-largefov_r38_20k_voc12-448x448.py',
)
stages = dict(
    classifier=_base_.train_classifier,
    **_base_.psa_hfpl_stages,
    segmentor=_base_.loss_by_switch,
    evaluate=_base_.test_as_hfpl,
    evaluate_full=_base_.test_as_hfpl,
    evaluate_train=None,
)
paper = dict(
    _base_.papers.hfpl_voc12,
    name='ISL + FSL (WACV 2024), without SEAM; the figures are on SEAM',
    _delete_=True,
)
