# Everything together on voc_mini, on a CPU: CAMs trained with ISL, FSL and
# CSD, IRN and DenseCRF, MARS, a segmentor with OCR and weighted cross-entropy.
#   python tools/run_pipeline.py configs/pipelines/all_voc_mini.py
_base_ = '../_base_/losses/ocr.py'
use = dict(
    hfpl=True,  # ISL and FSL in the CAM network
    csd=True,  # CSD in the CAM network
    irn=True,  # IRN's walk on the seeds, before DenseCRF
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=True,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
affinity = 'configs/irn/irn_mobilenetv2_voc-mini.py'
mars = 'configs/mars/debias_voc-mini.py'
mars_segmentor = 'configs/mars/mars_mobilenetv2_voc-mini.py'
epochs = {
    'train_cfg.max_epochs': 15,
    'train_cfg.val_interval': 15,
    'param_scheduler.0.end': 15,
}
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
stages = dict(
    classifier=dict(
        config='configs/cam/cam_mobilenetv2_voc-mini.py',
        when=dict(
            hfpl=dict(config='configs/hfpl/isl-fsl_mobilenetv2_voc-mini.py')
        ),
    ),
    # CSD pastes by the pseudo labels of the network before it.
    first_cams=dict(
        kind='cams',
        method='csd',
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
    ),
    csd=dict(
        kind='train',
        config='configs/csd/csd_mobilenetv2_voc-mini.py',
        inputs=dict(labels='{first_cams.labels}'),
        when=dict(
            hfpl=dict(config='configs/csd/csd-isl-fsl_mobilenetv2_voc-mini.py')
        ),
    ),
    cams=dict(
        config='{csd.config}',
        inputs=dict(checkpoint='{csd.checkpoint}'),
        tta=True,
    ),
    confident=dict(
        method='irn',
        config=affinity,
        pipeline='label_pipeline',
        inputs=dict(cams='{cams.cams}'),
    ),
    affinity=dict(
        method='irn',
        config=affinity,
        inputs=dict(labels='{confident.labels}'),
    ),
    refine=dict(
        config='configs/crf/crf_voc-mini.py',
        inputs=dict(cams='{cams.cams}'),
        when=dict(
            irn=dict(
                config=affinity,
                pipeline='crf_pipeline',
                inputs=dict(checkpoint='{affinity.checkpoint}'),
            )
        ),
    ),
    features=dict(method='mars', config=mars),
    centroids=dict(
        method='mars',
        config=mars,
        inputs=dict(labels='{refine.labels}', features='{features.features}'),
    ),
    debias=dict(
        method='mars',
        config=mars,
        pipeline='debias_pipeline',
        inputs=dict(
            labels='{refine.labels}',
            features='{features.features}',
            centroids='{centroids.centroids}',
        ),
    ),
    segmentor=dict(
        config='configs/ocr/ce_mobilenetv2_voc-mini.py',
        options=epochs,
        inputs=dict(labels='{debias.labels}'),
        when=dict(
            mars=dict(config=mars_segmentor),
            ocr=dict(
                options={
                    'model.decode_head.loss_decode': [
                        ce_loss,
                        _base_.ocr_loss,
                    ]
                }
            ),
        ),
    ),
    evaluate=dict(
        config='{segmentor.config}',
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
    ),
)
