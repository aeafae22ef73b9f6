# OCR on MCTformer's labels, VOC 2012: MCTformer-V2's CAMs, PSA with its
# values, DeepLab-LargeFOV with OCR. The stages are those of voc12_ocr-psa.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need, MCTformer needs MMPretrain. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_ocr-mctformer.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './voc12_ocr-psa.py'
configs = dict(
    classifier='configs/mctformer/mctformer_deit-s_voc12.py',
    affinity='configs/psa/psa_r38_mctformer_voc12.py',
)
stages = dict(
    evaluate=_base_.test_as_ocr_on_mctformer,
    evaluate_full=_base_.test_as_ocr_on_mctformer,
)
paper = dict(
    name='OCR (CVPR 2023), Table 1, on MCTformer',
    figures=[
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'mIoU',
            before=71.9,
            after=72.7,
        ),
        dict(stage='evaluate', what=_base_.oc_error, before=22.4, after=7.9),
    ],
    recipe=dict(
        classifier=dict(_base_.mctformer_classifier, _delete_=True),
        affinity=_base_.mctformer_affinity,
    ),
    differs=(
        'DeiT-S of MMPretrain, its code has that of DeiT; AffinityNet from '
        'ImageNet; scales and fusion of the test are those '
        "of MCTformer's segmentor, the CRF is DeepLab's, a reading; "
        + _base_.ocr_differs
    ),
)
