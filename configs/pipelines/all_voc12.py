# Everything together, VOC 2012: CAMs of ResNet-50 trained with ISL, FSL and
# CSD, IRN, MARS, a segmentor with OCR and weighted cross-entropy.
#   python tools/run_pipeline.py configs/pipelines/all_voc12.py \
#       --launcher pytorch --gpus 8 --num-workers 4
# Batch sizes are those of each GPU; change one with
#       --cfg-options stages.segmentor.options.train_dataloader.batch_size=2
_base_ = '../_base_/losses/ocr.py'
use = dict(
    hfpl=True,  # ISL and FSL in the CAM networks
    csd=True,  # the second CAM network, trained with CSD
    irn=True,  # IRN's walk on the seeds
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=True,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
affinity = 'configs/irn/irn_r50_voc12.py'
stego = 'configs/mars/stego_vit-s8-dino_voc12.py'
mars = 'configs/mars/debias_voc12.py'
mars_segmentor = 'configs/mars/mars_deeplabv2_r50-d8_voc12-512x512.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
stages = dict(
    classifier=dict(
        config='configs/cam/cam_r50_voc12.py',
        when=dict(hfpl=dict(config='configs/hfpl/isl-fsl_r50_voc12.py')),
    ),
    # CSD pastes by the pseudo labels of the network before it.
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
        when=dict(hfpl=dict(config='configs/csd/csd-isl-fsl_r50_voc12.py')),
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
    neighbours=dict(method='mars', config=stego),
    stego=dict(
        method='mars',
        config=stego,
        choose='best',
        inputs=dict(neighbours='{neighbours.neighbours}'),
    ),
    features=dict(
        method='mars',
        config=mars,
        inputs=dict(checkpoint='{stego.checkpoint}'),
    ),
    centroids=dict(
        method='mars',
        config=mars,
        inputs=dict(labels='{walk.labels}', features='{features.features}'),
    ),
    debias=dict(
        method='mars',
        config=mars,
        pipeline='debias_pipeline',
        inputs=dict(
            labels='{walk.labels}',
            features='{features.features}',
            centroids='{centroids.centroids}',
        ),
    ),
    segmentor=dict(
        config='configs/ocr/ocr_deeplabv3plus_r50-d8_20k_voc12-321x321.py',
        options={'model.decode_head.loss_decode': [ce_loss]},
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
