# PMM on voc_mini, on a CPU: plain CAMs, PMM's labels, a segmentor with PMM's
# loss, and a second one on its predictions.
#   python tools/run_pipeline.py configs/pipelines/voc_mini_pmm.py
_base_ = ['../_base_/pipelines/cams.py', '../_base_/pipelines/pmm.py']
use = dict(
    ppmg=True,  # PMM's labels
    pus=True,  # PMM's loss in the first segmentor
    second=True,  # a second segmentor on the predictions of the first
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/cam/cam_mobilenetv2_voc-mini.py',
    ppmg='configs/pmm/ppmg_voc-mini.py',
    segmentor='configs/ocr/ce_mobilenetv2_voc-mini.py',
    pmm='configs/pmm/pmm_mobilenetv2_voc-mini.py',
)
on_train = {
    'test_dataloader.dataset.ann_file': 'ImageSets/Segmentation/train_aug.txt'
}
stages = dict(
    classifier=dict(config='classifier'),
    cams=_base_.cams,
    refine=_base_.refine,
    segmentor=_base_.segmentor,
    second_scores=dict(
        _base_.second_scores,
        options={**_base_.second_scores.options, **on_train},
    ),
    second_segmentor=_base_.second_segmentor,
    evaluate=_base_.evaluate_second,
)
