# MARS on AdvCAM's labels, VOC 2012: CAMs of ResNet-50 summed while images
# climb, IRN with AdvCAM's values, STEGO's features, debiased labels, a
# segmentor whose teacher completes them.
#   python tools/run_pipeline.py configs/pipelines/voc12_mars-advcam.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './voc12_mars-irn.py'
configs = dict(
    classifier='configs/advcam/advcam_r50_voc12.py',
    affinity='configs/irn/irn_r50_advcam_voc12.py',
    segmentor='configs/mars/ce_deeplabv2_r101-d8_voc12-512x512.py',
    mars='configs/mars/mars_deeplabv2_r101-d8_voc12-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplabv2_r101-d8_voc12-512x512.py',
)
paper = dict(
    name='MARS (ICCV 2023), Table 5, on AdvCAM',
    figures=[
        dict(
            stage='evaluate',
            what=_base_.voc_val + 'mIoU',
            before=68.1,
            after=70.3,
        )
    ],
    recipe=dict(segmentor=dict(network='DeepLabV2, ResNet-101')),
    differs=_base_.stego_differs,
)
