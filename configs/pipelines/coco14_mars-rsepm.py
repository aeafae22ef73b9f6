# MARS on labels that others have published, COCO 2014. The stages are those of
# voc12_mars-rsepm.py. We know of no copy of RS+EPM's labels for COCO; any
# folder of <stem>.png takes their place:
#   python tools/run_pipeline.py configs/pipelines/coco14_mars-rsepm.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4 \
#       --cfg-options stages.published.inputs.labels=DIR
_base_ = './voc12_mars-rsepm.py'
configs = dict(
    published='configs/mars/published_coco14.py',
    stego='configs/mars/stego_vit-b8-dino_coco14.py',
    debias='configs/mars/debias_coco14.py',
    segmentor='configs/mars/ce_deeplabv3plus_r101-d8_coco14-512x512.py',
    mars='configs/mars/mars_deeplabv3plus_r101-d8_coco14-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplabv3plus_r101-d8_coco14-512x512.py',
)
stages = dict(full_segmentor=_base_.full_on_coco_masks, evaluate_train=None)
paper = dict(
    _base_.papers.mars_coco14,
    recipe=dict(
        published=dict(network='ResNet-101, RS+EPM'),
        segmentor=_base_.papers.mars_coco14.recipe.segmentor,
        evaluate=_base_.papers.mars_coco14.recipe.evaluate,
    ),
    differs=(
        "we know of no copy of RS+EPM's labels for COCO; 82,081 training "
        'images where the paper has 80,783; masks painted from '
        'instances: figures do not compare; ' + _base_.stego_differs
    ),
    _delete_=True,
)
