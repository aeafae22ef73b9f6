# MARS on IRN's labels, VOC 2012: CAMs of ResNet-50, IRN, STEGO's features,
# debiased labels, a segmentor whose teacher completes them.
#   python tools/run_pipeline.py configs/pipelines/voc12_mars-irn.py \
#       --launcher pytorch --gpus 8 --num-workers 4
# Batch sizes are those of each GPU; change one with
#       --cfg-options stages.segmentor.options.train_dataloader.batch_size=2
_base_ = '../_base_/losses/ocr.py'
use = dict(
    irn=True,  # IRN's walk on the seeds
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=False,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
affinity = 'configs/irn/irn_r50_voc12.py'
stego = 'configs/mars/stego_vit-s8-dino_voc12.py'
mars = 'configs/mars/debias_voc12.py'
mars_segmentor = 'configs/mars/mars_deeplabv2_r50-d8_voc12-512x512.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
stages = dict(
    classifier=dict(config='configs/cam/cam_r50_voc12.py'),
    cams=dict(
        config='{classifier.config}',
        inputs=dict(checkpoint='{classifier.checkpoint}'),
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
