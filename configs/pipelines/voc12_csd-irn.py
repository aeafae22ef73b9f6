# CSD, VOC 2012: a plain ResNet-50 CAM network, one trained with CSD by its
# pseudo labels, IRN, DeepLab-LargeFOV.
#   python tools/run_pipeline.py configs/pipelines/voc12_csd-irn.py \
#       --launcher pytorch --gpus 8 --num-workers 4
# Batch sizes are those of each GPU; change one with
#       --cfg-options stages.segmentor.options.train_dataloader.batch_size=2
_base_ = '../_base_/losses/ocr.py'
use = dict(
    csd=True,  # the second CAM network, trained with CSD
    irn=True,  # IRN's walk on the seeds
    ocr=False,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
affinity = 'configs/irn/irn_r50_voc12.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
stages = dict(
    classifier=dict(config='configs/cam/cam_r50_voc12.py'),
    first_cams=dict(
        kind='cams',
        method='csd',
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
        tta=True,
    ),
    csd=dict(
        kind='train',
        config='configs/csd/csd_r50_voc12.py',
        inputs=dict(labels='{first_cams.labels}'),
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
    walk=dict(
        method='irn',
        config=affinity,
        inputs=dict(cams='{cams.cams}', checkpoint='{affinity.checkpoint}'),
    ),
    segmentor=dict(
        config='configs/ocr_deeplab_voc.py',
        options={'model.decode_head.loss_decode': [ce_loss]},
        inputs=dict(labels='{walk.labels}'),
        when=dict(
            ocr=dict(
                options={
                    'model.decode_head.loss_decode': [
                        ce_loss,
                        _base_.ocr_loss,
                    ]
                }
            )
        ),
    ),
    evaluate=dict(
        config='{segmentor.config}',
        inputs=dict(checkpoint='{segmentor.checkpoint}'),
    ),
)
