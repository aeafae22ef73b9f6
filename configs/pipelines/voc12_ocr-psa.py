# OCR on AffinityNet's seeds, VOC 2012: CAMs of ResNet38, PSA, DeepLab-LargeFOV
# with OCR.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_ocr-psa.py \
#       --launcher pytorch --gpus 8 --num-workers 4
# Batch sizes are those of each GPU; change one with
#       --cfg-options stages.segmentor.options.train_dataloader.batch_size=2
_base_ = '../_base_/losses/ocr.py'
use = dict(
    psa=True,  # AffinityNet's walk on the seeds
    ocr=True,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
affinity = 'configs/psa/psa_r38_voc12.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
stages = dict(
    classifier=dict(config='configs/cam/cam_r38_voc12.py'),
    cams=dict(
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
        tta=True,
    ),
    confident=dict(
        method='psa',
        config=affinity,
        pipeline='label_pipeline',
        inputs=dict(cams='{cams.cams}'),
    ),
    affinity=dict(
        method='psa',
        config=affinity,
        inputs=dict(labels='{confident.labels}'),
    ),
    walk=dict(
        method='psa',
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
