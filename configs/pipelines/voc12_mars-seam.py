# MARS on SEAM's labels, VOC 2012: SEAM's CAMs, PSA with SEAM's values, STEGO's
# features, debiased labels, a segmentor whose teacher completes them.
#   python tools/run_pipeline.py configs/pipelines/voc12_mars-seam.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './voc12_mars-irn.py'
use = dict(
    _delete_=True,
    psa=True,  # AffinityNet's walk on the seeds
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=False,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
)
configs = dict(
    classifier='configs/seam/seam_r38_voc12.py',
    affinity='configs/psa/psa_r38_seam_voc12.py',
    segmentor='configs/mars/ce_deeplab-largefov_r38_voc12-512x512.py',
    mars='configs/mars/mars_deeplab-largefov_r38_voc12-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplab-largefov_r38_voc12-512x512.py',
)
stages = dict(
    confident=dict(method='psa'),
    affinity=dict(method='psa'),
    walk=dict(method='psa'),
)
paper = dict(
    name='MARS (ICCV 2023), Table 5, on SEAM',
    figures=[
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'mIoU',
            before=64.5,
            after=70.8,
        )
    ],
    recipe=dict(
        classifier=_base_.seam_classifier,
        affinity=dict(_base_.seam_affinity, _delete_=True),
        segmentor=dict(network='DeepLab v1, ResNet38'),
    ),
    differs='; '.join(
        [
            "DeepLab v1 is SEAM's",
            _base_.walk_differs,
            _base_.seam_differs,
            _base_.stego_differs,
        ]
    ),
)
