# OCR on MCTformer's labels, COCO 2014: MCTformer-V2's CAMs, PSA with its
# values, DeepLab-LargeFOV with OCR. The stages are those of voc12_ocr-psa.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need, MCTformer needs MMPretrain. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/coco14_ocr-mctformer.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './coco14_ocr-psa.py'
configs = dict(
    classifier='configs/mctformer/mctformer_deit-s_coco14.py',
    affinity='configs/psa/psa_r38_mctformer_coco14.py',
)
stages = dict(
    evaluate=_base_.test_as_ocr_on_mctformer,
    evaluate_full=_base_.test_as_ocr_on_mctformer,
)
paper = dict(
    name='OCR (CVPR 2023), Table 2, on MCTformer',
    figures=[
        dict(
            stage='evaluate',
            what='COCO val, mIoU',
            before=42.0,
            after=42.5,
        )
    ],
    differs=(
        "PSA's values are MCTformer's for VOC; masks painted from instances "
        'where the paper has COCO-Stuff: figures do not compare; else as on '
        'VOC'
    ),
)
