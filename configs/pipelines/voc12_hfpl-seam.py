# HFPL on SEAM, VOC 2012: SEAM's CAMs trained with ISL and FSL, PSA with HFPL's
# values, DeepLab-LargeFOV. The stages are those of voc12_hfpl.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_hfpl-seam.py \
#       --launcher pytorch --gpus 2 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './voc12_hfpl.py'
configs = dict(
    classifier='configs/seam/seam_r38_voc12.py',
    hfpl='configs/hfpl/isl-fsl_seam-r38_voc12.py',
)
differs = '; '.join(
    [
        _base_.walk_differs,
        _base_.seam_differs,
        _base_.hfpl_segmentor_differs,
    ]
)
multinomial = dict(
    affinity_hfpl='configs/psa/psa_r38_hfpl_voc12_multinomial.py'
)
background = (
    "; the background's logit is 0, where the multinomial code learns it; 10 "
    'cells of the first view, where that code draws 100 of both'
)
# One loss, and its multinomial form.
table_4 = [
    dict(
        name=f'ISL + FSL (WACV 2024), Table 4, {loss} alone',
        configs=dict(hfpl=f'configs/hfpl/{config}.py', **affinity),
        figures=[
            dict(
                stage='evaluate',
                what=_base_.voc_val + what,
                before=None,
                after=after,
            )
            for what, after in (('mIoU', iou), ('contour F', contour))
        ],
        differs=differs + other,
    )
    for loss, config, affinity, other, iou, contour in (
        ('ISL', 'isl_seam-r38_voc12', {}, '', 64.3, 42.2),
        ('FSL', 'fsl_seam-r38_voc12', {}, '', 66.9, 43.5),
        (
            'multinomial ISL',
            *('isl_seam-r38_voc12_multinomial', multinomial),
            *(background, 63.0, 41.0),
        ),
        (
            'multinomial FSL',
            *('fsl_seam-r38_voc12_multinomial', multinomial),
            *(background, 50.3, 41.4),
        ),
    )
]
paper = dict(
    _base_.papers.hfpl_voc12, differs=differs, variants=table_4, _delete_=True
)
