# MARS on labels that others have published, VOC 2012: those of RS+EPM are
# checked, then STEGO's features, debiased labels, a segmentor whose teacher
# completes them; it is tested on val and, for Table 6, on train. No CAM
# network is trained.
#   python tools/run_pipeline.py configs/pipelines/voc12_mars-rsepm.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# configs/mars/README.md says where the labels are. Any others, <stem>.png,
# with which no figure of the paper is compared:
#       --cfg-options stages.published.inputs.labels=DIR
# The GPUs share the batches of the configs.
_base_ = [
    '../_base_/pipelines/mars.py',
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/comparisons.py',
    '../_base_/pipelines/evaluation.py',
    '../_base_/pipelines/papers.py',
]
use = dict(
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=False,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
)
options = {'randomness.seed': 0}
configs = dict(
    published='configs/mars/published_voc12.py',
    stego='configs/mars/stego_vit-b8-dino_voc12.py',
    debias='configs/mars/debias_voc12.py',
    segmentor='configs/mars/ce_deeplabv3plus_r101-d8_voc12-512x512.py',
    mars='configs/mars/mars_deeplabv3plus_r101-d8_voc12-512x512.py',
    mars_ocr='configs/mars/mars-ocr_deeplabv3plus_r101-d8_voc12-512x512.py',
)
stages = dict(
    published=dict(kind='labels', config='published'),
    **_base_.stego_stages,
    **_base_.mars_on_published,
    segmentor=dict(
        _base_.segmentor,
        options=_base_.with_ce,
        inputs=dict(labels='{debias.labels}'),
    ),
    evaluate_train=dict(
        _base_.evaluate_train,
        tta=True,
        options={
            **_base_.test_as_dhr['options'],
            'test_dataloader.dataset.ann_file': (
                'ImageSets/Segmentation/train.txt'
            ),
        },
    ),
    full_segmentor=_base_.full_on_masks,
    evaluate_full=dict(_base_.evaluate_full, **_base_.test_as_dhr),
    evaluate=dict(_base_.evaluate, **_base_.test_as_dhr),
)
paper = _base_.papers.mars_rsepm_voc12
