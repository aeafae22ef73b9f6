# OCR on SEAM's labels, COCO 2014: SEAM's CAMs, PSA with SEAM's values,
# DeepLab-LargeFOV with OCR. The stages are those of voc12_ocr-psa.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/coco14_ocr-seam.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './coco14_ocr-psa.py'
configs = dict(classifier='configs/seam/seam_r38_coco14.py')
paper = dict(
    name='OCR (CVPR 2023), Table 2, on SEAM',
    figures=[
        dict(
            stage='evaluate',
            what='COCO val, mIoU',
            before=31.9,
            after=33.2,
        )
    ],
    differs=(
        "SEAM's COCO settings are not given: HFPL's, and its PSA values for "
        'VOC; masks painted from '
        'instances where the paper has COCO-Stuff: figures do not compare; '
        'else as on VOC'
    ),
)
