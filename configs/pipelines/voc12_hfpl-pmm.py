# HFPL on PMM, VOC 2012: SEAM's CAMs trained with ISL and FSL, PMM's labels and
# segmentors. The stages are those of voc12_pmm.py. Without ISL and FSL:
#   --cfg-options use.hfpl=False
# configs/ocr/README.md says which weights are needed. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_hfpl-pmm.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './voc12_pmm.py'
use = dict(
    hfpl=True,  # ISL and FSL in the CAM network
)
configs = dict(hfpl='configs/hfpl/isl-fsl_seam-r38_voc12.py')
stages = dict(
    classifier=dict(when=dict(hfpl=dict(config='hfpl'))),
    evaluate=dict(options={'test_evaluator': _base_.with_contours}),
)
paper = dict(
    name='ISL + FSL (WACV 2024), on PMM',
    method='hfpl',
    figures=[
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'mIoU',
            before=64.7,
            after=66.7,
        ),
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'contour F',
            before=44.5,
            after=46.3,
        ),
    ],
    differs=(
        f'{_base_.papers.pmm_voc12.differs}; in the paper FSL acts in the '
        'multi-crop stage too'
    ),
)
