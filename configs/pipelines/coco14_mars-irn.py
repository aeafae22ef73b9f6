# MARS on IRN's labels, COCO 2014: CAMs of ResNet-50, IRN, STEGO's features,
# debiased labels, a segmentor whose teacher completes them.
#   python tools/run_pipeline.py configs/pipelines/coco14_mars-irn.py \
#       --launcher pytorch --gpus 8 --num-workers 4
# MARS's paper has COCO with labels of RS+EPM, which we do not have. Its values
# are those for VOC: K_bg = 2, alpha = 0.4, features trained on COCO's images
# alone, a ResNet-101. It does not give the schedules of CAMs, IRN, STEGO and
# segmentor on COCO; the configs say what they take. Without mars the segmentor
# is a ResNet38, which needs its weights (configs/ocr/README.md).
# Batch sizes are those of each GPU; change one with
#       --cfg-options stages.segmentor.options.train_dataloader.batch_size=2
_base_ = '../_base_/losses/ocr.py'
use = dict(
    irn=True,  # IRN's walk on the seeds
    mars=True,  # debiased labels, and a teacher that completes them
    ocr=False,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
affinity = 'configs/irn/irn_r50_coco14.py'
stego = 'configs/mars/stego_vit-s8-dino_coco14.py'
mars = 'configs/mars/debias_coco14.py'
mars_segmentor = 'configs/mars/mars_deeplabv3plus_r101-d8_coco14-512x512.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
stages = dict(
    classifier=dict(config='configs/cam/cam_r50_coco14.py'),
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
        config='configs/ocr/ocr_deeplab-largefov_r38_30e_coco14-321x321.py',
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
