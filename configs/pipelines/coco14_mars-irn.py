# MARS on IRN's labels, COCO 2014: CAMs of ResNet-50, IRN, STEGO's features,
# debiased labels, a segmentor whose teacher completes them.
#   python tools/run_pipeline.py configs/pipelines/coco14_mars-irn.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# MARS's paper has COCO with labels of RS+EPM, which we do not have. Its values
# are those for VOC: K_bg = 2, alpha = 0.4, features trained on COCO's images
# alone, a ResNet-101. It does not give the schedules of CAMs, IRN, STEGO and
# segmentor on COCO; the configs say what they take.
# The GPUs share the batches of the configs.
_base_ = './voc12_mars-irn.py'
configs = dict(
    classifier='configs/cam/cam_r50_coco14.py',
    affinity='configs/irn/irn_r50_coco14.py',
    stego='configs/mars/stego_vit-b8-dino_coco14.py',
    debias='configs/mars/debias_coco14.py',
    segmentor='configs/mars/ce_deeplabv3plus_r101-d8_coco14-512x512.py',
    mars='configs/mars/mars_deeplabv3plus_r101-d8_coco14-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplabv3plus_r101-d8_coco14-512x512.py',
)
# No paper has CAM figures for COCO, whose masks of train are not needed.
stages = dict(seeds=None, full_segmentor=_base_.full_on_coco_masks)
paper = dict(
    _base_.papers.mars_coco14,
    name='MARS (ICCV 2023), Table 3, on IRN; the figures are on RS+EPM',
    _delete_=True,
)
