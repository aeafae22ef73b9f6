# Everything together on the built-in scenes: CAMs trained with ISL, FSL and
# CSD, IRN and DenseCRF, MARS, a segmentor with OCR and weighted cross-entropy.
#   python tools/run_pipeline.py configs/pipelines/all_scenes.py
_base_ = [
    '../_base_/pipelines/cams.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/pipelines/mars.py',
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/second_round.py',
    '../_base_/pipelines/comparisons.py',
]
use = dict(
    # ISL and FSL, in six more epochs of the CAM network (15 without).
    hfpl=True,
    csd=True,  # CSD in the CAM network
    irn=True,  # IRN's walk on the seeds, before DenseCRF
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=True,  # OCR in the segmentor
    second=True,  # a new segmentor on the labels that the first one gives
    prior=True,  # segmentors learn the image labels and weigh classes by them
    full=False,  # an upper mark: the segmentor trained on true masks
    evaluate_train=False,  # the first segmentor's errors on training images
)
prepare = [['tools/dataset_converters/make_scenes.py', '--out', 'data/scenes']]
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/cam/cam_mobilenetv2_scenes.py',
    hfpl='configs/hfpl/isl-fsl_mobilenetv2_scenes.py',
    csd='configs/csd/csd_mobilenetv2_scenes.py',
    csd_hfpl='configs/csd/csd-isl-fsl_mobilenetv2_scenes.py',
    affinity='configs/irn/irn_mobilenetv2_scenes.py',
    crf='configs/crf/crf_scenes.py',
    debias='configs/mars/debias_scenes.py',
    segmentor='configs/ocr/ce_mobilenetv2_scenes.py',
    full='configs/ocr/full_mobilenetv2_scenes.py',
    mars='configs/mars/mars_mobilenetv2_scenes.py',
    mars_ocr='configs/mars/mars-ocr_mobilenetv2_scenes.py',
)
epochs = 12
schedule = dict(
    type='OneCycleLR',
    eta_max=2e-3,
    total_steps=epochs,
    by_epoch=True,
    convert_to_iter_based=True,
)
longer = {
    'train_cfg.max_epochs': epochs,
    'train_cfg.val_interval': epochs,
    'param_scheduler': [schedule],
}
on_train = {
    'test_dataloader.dataset.ann_file': 'ImageSets/Segmentation/train.txt'
}
with_prior = {
    'model.type': 'mmseg_wsss.PriorEncoderDecoder',
    'model.auxiliary_head': dict(
        type='mmseg_wsss.CAMHead', in_channels=160, in_index=1, num_classes=7
    ),
}
prior = dict(prior=dict(options=with_prior))
# There are no ImageNet weights for drawings: each network starts from the
# weights of one before it.
stages = dict(
    classifier=dict(config='classifier'),
    hfpl=dict(
        kind='train',
        config='hfpl',
        inputs=dict(start='{classifier.checkpoint}'),
    ),
    first_cams=dict(
        _base_.csd_stages.first_cams,
        config='{hfpl.config}',
        inputs=dict(checkpoint='{hfpl.checkpoint}'),
    ),
    first_labels=_base_.csd_stages.first_labels,
    csd=dict(
        _base_.csd_stages.csd,
        inputs=dict(start='{hfpl.checkpoint}', labels='{first_labels.labels}'),
    ),
    cams=_base_.csd_stages.cams,
    confident=_base_.irn_stages.confident,
    affinity=dict(
        _base_.irn_stages.affinity,
        inputs=dict(start='{csd.checkpoint}', labels='{confident.labels}'),
    ),
    refine=_base_.refine,
    **_base_.mars_on_refine,
    segmentor=dict(
        _base_.segmentor,
        options=longer,
        inputs=dict(start='{classifier.checkpoint}', labels='{debias.labels}'),
        when={**_base_.segmentor['when'], **prior},
    ),
    second_scores=dict(_base_.second_scores, options=on_train),
    second_labels=_base_.second_labels,
    second_segmentor=dict(
        _base_.second_segmentor,
        options=longer,
        # Labels first: where it is off, they lead to the first segmentor.
        inputs=dict(
            labels='{second_labels.labels}', start='{classifier.checkpoint}'
        ),
        when=prior,
    ),
    full_segmentor=dict(
        _base_.full_segmentor,
        options=longer,
        inputs=dict(start='{classifier.checkpoint}'),
        when=prior,
    ),
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
