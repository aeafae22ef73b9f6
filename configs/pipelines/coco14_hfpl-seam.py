# HFPL on SEAM, COCO 2014: SEAM's CAMs trained with ISL and FSL for 8 epochs,
# PSA with HFPL's values, DeepLab-LargeFOV. The stages are those of
# voc12_hfpl.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/coco14_hfpl-seam.py \
#       --launcher pytorch --gpus 2 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './coco14_hfpl.py'
configs = dict(
    classifier='configs/seam/seam_r38_coco14.py',
    hfpl='configs/hfpl/isl-fsl_seam-r38_coco14.py',
)
paper = dict(
    name='ISL + FSL (WACV 2024), Table 3, on SEAM, 8 epochs',
    differs=(
        '82,081 and 40,137 images, those '
        'with a class, where the paper has 82,783 and 40,504; masks painted '
        'from instances by another tool: figures do not compare; '
        + '; '.join(
            [
                _base_.walk_differs,
                _base_.seam_differs,
                _base_.hfpl_segmentor_differs,
            ]
        )
    ),
)
