# OCR on SEAM's labels, VOC 2012: SEAM's CAMs, PSA with SEAM's values,
# DeepLab-LargeFOV with OCR. The stages are those of voc12_ocr-psa.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_ocr-seam.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './voc12_ocr-psa.py'
configs = dict(
    classifier='configs/seam/seam_r38_voc12.py',
    affinity='configs/psa/psa_r38_seam_voc12.py',
)
paper = dict(
    name='OCR (CVPR 2023), Table 1, on SEAM',
    figures=[
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'mIoU',
            before=64.5,
            after=67.8,
        ),
        dict(stage='evaluate', what=_base_.oc_error, before=21.5, after=10.1),
    ],
    recipe=dict(
        classifier=_base_.seam_classifier, affinity=_base_.seam_affinity
    ),
    differs=(
        'scales, flips and CRF of the test are a reading; '
        + '; '.join([_base_.ocr_differs, _base_.seam_differs])
    ),
)
