# coco14_hfpl-seam.py with 16 epochs of the CAM network, the paper's longer
# row.
#   python tools/run_pipeline.py configs/pipelines/coco14_hfpl-seam-16e.py \
#       --launcher pytorch --gpus 2 --split-batch --num-workers 4
_base_ = './coco14_hfpl-seam.py'
configs = dict(
    classifier='configs/seam/seam_r38_16e_coco14.py',
    hfpl='configs/hfpl/isl-fsl_seam-r38_16e_coco14.py',
)
paper = dict(
    name='ISL + FSL (WACV 2024), Table 3, on SEAM, 16 epochs',
    figures=[
        dict(
            stage='evaluate',
            what='COCO val, mIoU',
            before=35.5,
            after=37.8,
        ),
        dict(
            stage='evaluate',
            what='COCO val, contour F',
            before=28.5,
            after=29.1,
        ),
    ],
    recipe=dict(classifier=dict(schedule='16 epochs, batch 8, poly 0.9')),
)
