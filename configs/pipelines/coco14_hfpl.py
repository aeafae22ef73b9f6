# HFPL, COCO 2014: CAMs of ResNet38 trained with ISL and FSL, PSA with SEAM's
# and HFPL's values, DeepLab-LargeFOV.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/coco14_hfpl.py \
#       --launcher pytorch --gpus 8 --num-workers 4
# Batch sizes are those of each GPU; change one with
#       --cfg-options stages.segmentor.options.train_dataloader.batch_size=2
_base_ = '../_base_/losses/ocr.py'
use = dict(
    psa=True,  # AffinityNet's walk on the seeds
    ocr=False,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
affinity = 'configs/psa/psa_r38_coco14.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
stages = dict(
    classifier=dict(config='configs/hfpl/isl-fsl_r38_coco14.py'),
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
        config='configs/ocr/ocr_deeplab-largefov_r38_30e_coco14-321x321.py',
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
