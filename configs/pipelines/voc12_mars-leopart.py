# voc12_mars-irn.py with Leopart's features, which are not trained here.
#   python tools/run_pipeline.py configs/pipelines/voc12_mars-leopart.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
_base_ = './voc12_mars-irn.py'
configs = dict(
    _delete_=True,
    classifier='configs/cam/cam_r50_voc12.py',
    affinity='configs/irn/irn_r50_voc12.py',
    debias='configs/mars/debias_leopart-vit-b8_voc12.py',
    segmentor='configs/mars/ce_deeplabv2_r50-d8_voc12-512x512.py',
    mars='configs/mars/mars_deeplabv2_r50-d8_voc12-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplabv2_r50-d8_voc12-512x512.py',
)
stages = dict(
    neighbours=None, stego=None, features=dict(inputs=dict(_delete_=True))
)
paper = dict(
    name='MARS (ICCV 2023), Table 4, on IRN, with Leopart',
    figures=[
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'mIoU',
            before=63.5,
            after=68.1,
        )
    ],
    recipe=dict(
        _delete_=True,
        classifier=_base_.irn_classifier,
        affinity=_base_.irn_affinity,
        features=dict(network='Leopart, not said which'),
        segmentor=_base_.dhr_segmentor,
    ),
    differs=(
        "Leopart's released weights, where MARS trained them on VOC; "
        + _base_.mars_differs
    ),
)
