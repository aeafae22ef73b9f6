# all_voc_mini.py on EfficientNet-Lite2.
#   python tools/run_pipeline.py configs/pipelines/all_voc_mini_lite2.py
_base_ = './all_voc_mini.py'
configs = dict(
    classifier='configs/cam/cam_efficientnet-lite2_voc-mini.py',
    hfpl='configs/hfpl/isl-fsl_efficientnet-lite2_voc-mini.py',
    csd='configs/csd/csd_efficientnet-lite2_voc-mini.py',
    csd_hfpl='configs/csd/csd-isl-fsl_efficientnet-lite2_voc-mini.py',
    affinity='configs/irn/irn_efficientnet-lite2_voc-mini.py',
    debias='configs/mars/debias_efficientnet-lite2_voc-mini.py',
    segmentor='configs/ocr/ce_efficientnet-lite2_voc-mini.py',
    full='configs/ocr/full_efficientnet-lite2_voc-mini.py',
    mars='configs/mars/mars_efficientnet-lite2_voc-mini.py',
    mars_ocr='configs/mars/mars-ocr_efficientnet-lite2_voc-mini.py',
)
prior = dict(options={'model.auxiliary_head': dict(in_channels=352)})
stages = dict(
    segmentor=dict(when=dict(prior=prior)),
    second_segmentor=dict(when=dict(prior=prior)),
    full_segmentor=dict(when=dict(prior=prior)),
)
