# HFPL on MCTformer, VOC 2012: MCTformer-V2's CAMs trained with ISL and FSL,
# PSA and DeepLab-LargeFOV with MCTformer's values. The stages are those of
# voc12_ocr-psa.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need, MCTformer needs MMPretrain. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_hfpl-mctformer.py \
#       --launcher pytorch --gpus 4 --split-batch --num-workers 4
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
    classifier='configs/mctformer/mctformer_deit-s_voc12.py',
    hfpl='configs/hfpl/isl-fsl_deit-s_voc12.py',
    affinity='configs/psa/psa_r38_mctformer_voc12.py',
    segmentor=(
        'configs/mctformer/ce_deeplab-largefov_r38_30e_voc12-321x321.py'
    ),
)
test = dict(
    _base_.test_as_mctformer,
    options={
        **_base_.test_as_mctformer.options,
        'test_evaluator': _base_.with_contours,
    },
)
stages = dict(
    classifier=_base_.train_classifier,
    segmentor=_base_.loss_by_switch,
    evaluate=test,
    evaluate_full=test,
    evaluate_train=None,
)
paper = dict(
    name='ISL + FSL (WACV 2024), on MCTformer',
    method='hfpl',
    figures=[
        dict(
            stage='seeds',
            what=_base_.voc_train + 'CAMs, mIoU',
            before=59.4,
            after=61.2,
        ),
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'mIoU',
            before=67.5,
            after=68.3,
        ),
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'contour F',
            before=46.7,
            after=47.3,
        ),
    ],
    recipe=dict(
        classifier=_base_.mctformer_classifier,
        affinity=_base_.mctformer_affinity,
        segmentor=_base_.mctformer_segmentor,
        evaluate=dict(images='val, 1,449', test=_base_.mctformer_test),
    ),
    differs=(
        'DeiT-S of MMPretrain, the code has that of DeiT; FSL in the form of '
        'the code, which is for SEAM; AffinityNet and segmentor from '
        'ImageNet, whose padding is not trained; ' + _base_.walk_differs
    ),
    _delete_=True,
)
