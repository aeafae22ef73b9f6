# Everything together on voc_mini, on a CPU: CAMs trained with ISL, FSL and
# CSD, IRN and DenseCRF, a segmentor with OCR, a second round, an image-level
# prior. MARS, whose labels leave out more objects than things, is a switch.
#   python tools/run_pipeline.py configs/pipelines/all_voc_mini.py
_base_ = [
    '../_base_/pipelines/cams.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/pipelines/mars.py',
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/second_round.py',
    '../_base_/pipelines/comparisons.py',
]
use = dict(
    hfpl=True,  # ISL and FSL in the CAM network
    csd=True,  # CSD in the CAM network
    irn=True,  # IRN's walk on the seeds, before DenseCRF
    mars=False,  # debiased labels, and a teacher that completes them
    ocr=True,  # OCR in the segmentor
    second=True,  # a new segmentor on the labels that the first one gives
    prior=True,  # segmentors learn the image labels and weigh classes by them
    full=False,  # an upper mark: the segmentor trained on true masks
    evaluate_train=False,  # the first segmentor's errors on training images
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/cam/cam_mobilenetv2_voc-mini.py',
    hfpl='configs/hfpl/isl-fsl_mobilenetv2_voc-mini.py',
    csd='configs/csd/csd_mobilenetv2_voc-mini.py',
    csd_hfpl='configs/csd/csd-isl-fsl_mobilenetv2_voc-mini.py',
    affinity='configs/irn/irn_mobilenetv2_voc-mini.py',
    crf='configs/crf/crf_voc-mini.py',
    debias='configs/mars/debias_voc-mini.py',
    segmentor='configs/ocr/ce_mobilenetv2_voc-mini.py',
    full='configs/ocr/full_mobilenetv2_voc-mini.py',
    mars='configs/mars/mars_mobilenetv2_voc-mini.py',
    mars_ocr='configs/mars/mars-ocr_mobilenetv2_voc-mini.py',
)
epochs = 15
schedule = dict(
    type='PolyLR',
    eta_min=0,
    power=0.9,
    begin=0,
    end=epochs,
    by_epoch=True,
    convert_to_iter_based=True,
)
longer = {
    'train_cfg.max_epochs': epochs,
    'train_cfg.val_interval': epochs,
    'param_scheduler': [schedule],
}
on_train = {
    'test_dataloader.dataset.ann_file': 'ImageSets/Segmentation/train_aug.txt'
}
with_prior = {
    'model.type': 'mmseg_wsss.PriorEncoderDecoder',
    'model.auxiliary_head': dict(
        type='mmseg_wsss.CAMHead', in_channels=320, in_index=1, num_classes=7
    ),
}
prior = dict(prior=dict(options=with_prior))
stages = dict(
    classifier=_base_.train_classifier,
    **_base_.csd_stages,
    confident=_base_.irn_stages.confident,
    affinity=_base_.irn_stages.affinity,
    refine=_base_.refine,
    **_base_.mars_on_refine,
    segmentor=dict(
        _base_.segmentor,
        options=longer,
        inputs=dict(labels='{debias.labels}'),
        when={**_base_.segmentor['when'], **prior},
    ),
    second_scores=dict(_base_.second_scores, options=on_train),
    second_labels=_base_.second_labels,
    second_segmentor=dict(_base_.second_segmentor, options=longer, when=prior),
    full_segmentor=dict(_base_.full_segmentor, options=longer, when=prior),
    evaluate_full=_base_.evaluate_full,
    evaluate_train=dict(
        _base_.evaluate_train,
        options=on_train,
        inputs=dict(
            checkpoint='{segmentor.checkpoint}', labels='{debias.labels}'
        ),
    ),
    evaluate=_base_.evaluate_second,
)
