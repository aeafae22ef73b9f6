# voc12_mars-rsepm.py with Leopart's features, which are not trained here.
#   P=configs/pipelines/voc12_mars-rsepm-leopart.py
#   python tools/run_pipeline.py $P --launcher pytorch --gpus 8 \
#       --split-batch --num-workers 4
_base_ = './voc12_mars-rsepm.py'
configs = dict(
    _delete_=True,
    published='configs/mars/published_voc12.py',
    debias='configs/mars/debias_leopart-vit-b8_voc12.py',
    segmentor='configs/mars/ce_deeplabv3plus_r101-d8_voc12-512x512.py',
    mars='configs/mars/mars_deeplabv3plus_r101-d8_voc12-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplabv3plus_r101-d8_voc12-512x512.py',
)
stages = dict(
    neighbours=None,
    stego=None,
    features=dict(inputs=dict(_delete_=True)),
    evaluate_train=None,
)
paper = dict(
    name='MARS (ICCV 2023), Table 4, on RS+EPM, with Leopart',
    figures=[
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'mIoU',
            before=74.4,
            after=75.4,
        )
    ],
    recipe=dict(features=dict(network='Leopart, not said which')),
    variants=[],
    differs=(
        "Leopart's released weights, where MARS trained them on VOC; RS+EPM's "
        "labels are those that DHR's authors released; " + _base_.mars_differs
    ),
)
