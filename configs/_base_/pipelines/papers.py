# What the papers have: the figures that the pipelines are compared with, and
# the settings that tools/analysis_tools/recipe_table.py puts beside ours.
# Without quotes and where no code is named, settings are the paper's or those
# of its public code. `differs` is what our pipeline still does otherwise.
momentum = 'decay {} is the momentum in its code'
train_aug = 'train_aug, 10,582'
psa_rates = '1 / 2 / 10 / 20; ' + momentum.format('5e-4')
psa_affinity = dict(
    network='ResNet38 at stride 8',
    crop='448 x 448',
    schedule='8 epochs, batch 8, poly 0.9',
    images=train_aug,
)
irn_classifier = dict(
    network='ResNet-50 at stride 16',
    crop='512 x 512',
    scale='long side 320 to 640',
    schedule='5 epochs, batch 16, poly 0.9',
    rates='0.1, classifier x10; ' + momentum.format('1e-4'),
    images=train_aug,
)
irn_affinity = dict(
    network='ResNet-50, frozen',
    crop='512 x 512',
    scale='0.5 to 1.5',
    schedule='3 epochs, batch 32, poly 0.9',
    rates='0.1; ' + momentum.format('1e-4'),
    images=train_aug,
)
ocr_segmentor = dict(
    network='ResNet38 at stride 8, DeepLab-LargeFOV v1',
    crop='321 x 321',
    scale='0.7 to 1.3',
    schedule="30 epochs, batch 16, SGD 0.9, decay 5e-4, 'exponential decay'",
    rates="0.001; groups not given, SEAM's are x 1 / 2 / 10 / 20",
    loss='cross-entropy + OCR, alpha 1, margin 2, t 0.2',
    images=train_aug,
)
ocr_test = (
    "'test-time augmentation and DenseCRFs with the hyper-parameters "
    "suggested in' DeepLab v1"
)
seam_classifier = dict(
    network='ResNet38 at stride 8, SEAM',
    crop='448 x 448',
    scale='long side 448 to 768',
    schedule='8 epochs, batch 8, poly 0.9',
    rates='0.01 x ' + psa_rates,
    images=train_aug,
)
spatial_bce_phase = dict(
    network='ResNet38 at stride 8',
    crop='369 x 369, squashed',
    schedule='20 epochs, batch 12, SGD 0.9, decay 5e-4, poly 0.9',
    rates='0.001, heads x10',
    images=train_aug,
)
mctformer_classifier = dict(
    network='DeiT-S/16, MCTformer-V2',
    crop='224 x 224, RandomResizedCrop',
    schedule='60 epochs, batch 64, AdamW 6.25e-5, decay 0.05, cosine',
    images=train_aug,
)
mctformer_affinity = dict(
    psa_affinity,
    schedule='5 epochs, batch 8, poly 0.9',
    rates='0.01 x ' + psa_rates,
)
mctformer_test = '5 scales 0.5 to 1.5, maximum of probabilities, CRF'
mctformer_segmentor = dict(
    network='ResNet38 at stride 8, two dilated convolutions',
    crop='321 x 321',
    scale='0.7 to 1.3',
    schedule='30 epochs, batch 4, poly 0.9',
    rates='7e-4, head x10, no decay',
    images=train_aug,
)
hfpl_segmentor = dict(
    network='ResNet38 at stride 8, DeepLab v1',
    crop='448 x 448',
    scale='0.5 to 1.5',
    schedule='20,000 iterations, batch 10, SGD 0.9, decay 5e-4, poly 0.9',
    rates='0.001 x 1 / 2 / 10 / 20',
    images=train_aug,
)
hfpl_test = '6 scales 0.5 to 1.75, flips, mean of logits, CRF of 1 iteration'
# What every pipeline with MARS has otherwise.
mars_differs = (
    "the segmentor's crop, colours, schedule, rates and test are DHR's, a "
    "reading, but for DHR's averaged weights; the DeepLabs are MMSeg's (V3+ "
    'with separable convolutions, dropout 0.1, an auxiliary head); the '
    "threshold of MARS's similarity is a guess; the teacher's "
    'labels are refined locally, not by a CRF'
)
stego_differs = (
    "STEGO's loss has the weights and shifts of COCO-Stuff; " + mars_differs
)
dhr_segmentor = dict(
    network='DeepLabV2, ResNet-50',
    crop='not given (DHR: 512 x 512)',
    scale='not given (DHR: long side 320 to 640)',
    schedule='not given (DHR: 100 epochs, batch 16, SGD 0.9, decay 4e-5)',
    rates='not given (DHR: 0.001, heads x10)',
    images=train_aug,
)
# What pipelines with AffinityNet, SEAM or HFPL's segmentor have otherwise.
walk_differs = "AffinityNet's walk has the pairs at the borders, its code not"
seam_differs = "GAP on the CAM's own grid, where SEAM's code enlarges the map"
hfpl_segmentor_differs = (
    'no change of saturation, and dropout of whole channels, in the segmentor'
)
ocr_differs = (
    'poly for the "exponential decay"; rates by group, flips and fixed batch '
    'norms of the segmentor are a reading; ' + walk_differs
)
not_given = dict(crop='not given', schedule='not given', rates='not given')
seam_affinity = dict(psa_affinity, rates='0.01 x ' + psa_rates)
voc_val = 'VOC val, 1,449 images, '
oc_error = voc_val + 'OC errors % (OC_image_rate)'
voc_train = 'VOC train, 1,464 images, '
# HFPL's rows with DeepLabV2 on ResNet-101 as the segmentor.
resnet101 = {
    baseline: dict(
        name=f'ISL + FSL (WACV 2024), on {baseline}, ResNet-101',
        configs=dict(
            segmentor='configs/hfpl/ce_deeplabv2_r101-d8_20k_voc12-321x321.py'
        ),
        figures=[
            dict(stage='evaluate', what=voc_val + what, before=old, after=new)
            for what, old, new in figures
        ],
        differs=(
            'the segmentor, its weights (with SIPE of COCO masks, here of '
            'ImageNet) and its test are a reading; else as with ResNet38'
        ),
    )
    for baseline, figures in {
        'SIPE': [('mIoU', 68.5, 69.4), ('contour F', 41.9, 43.9)],
        'Spatial-BCE': [('mIoU', 67.9, 70.1), ('contour F', 46.1, 50.5)],
    }.items()
}
papers = dict(
    ocr_voc12=dict(
        name='OCR (CVPR 2023), Table 1, on AffinityNet',
        method='ocr',
        figures=[
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=61.7,
                after=64.9,
            ),
            dict(stage='evaluate', what=oc_error, before=32.4, after=9.7),
        ],
        recipe=dict(
            classifier=dict(
                network='ResNet38 at stride 8',
                crop='448 x 448',
                scale='long side 256 to 512',
                schedule='15 epochs, batch 16, poly 0.9',
                rates='0.1 x ' + psa_rates,
                images=train_aug,
            ),
            affinity=dict(psa_affinity, rates='0.1 x ' + psa_rates),
            segmentor=ocr_segmentor,
            evaluate=dict(images='val, 1,449', test=ocr_test),
        ),
        differs=(
            'scales, flips and CRF of the test are a reading; ' + ocr_differs
        ),
    ),
    ocr_coco14=dict(
        name='OCR (CVPR 2023), Table 2, on AffinityNet',
        method='ocr',
        figures=[
            dict(
                stage='evaluate',
                what='COCO val, mIoU',
                before=29.5,
                after=30.5,
            )
        ],
        recipe=dict(
            segmentor=dict(ocr_segmentor, images='COCO 2014 train, 82,081'),
            evaluate=dict(images='COCO 2014 val', test=ocr_test),
        ),
        differs=(
            "AffinityNet's row is the paper's own run, without its settings: "
            "AffinityNet with SEAM's values, the CAM network with PSA's; "
            'masks painted from instances where the paper has COCO-Stuff: '
            'figures do not compare; else as on VOC'
        ),
    ),
    hfpl_voc12=dict(
        name='ISL + FSL (WACV 2024), on SEAM',
        method='hfpl',
        figures=[
            dict(
                stage='seeds',
                what=voc_train + 'CAMs, mIoU',
                before=55.0,
                after=60.6,
            ),
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=63.9,
                after=66.7,
            ),
            dict(
                stage='evaluate',
                what=voc_val + 'contour F',
                before=39.9,
                after=44.7,
            ),
        ],
        recipe=dict(
            classifier=dict(
                seam_classifier,
                loss='SEAM + ISL, lambda 0.2, 10 cells + FSL, mu 2.5, sigma 5',
            ),
            confident=dict(steps='alphas 1 and 24'),
            seeds=dict(images='train, 1,464', test='best of 60 thresholds'),
            affinity=seam_affinity,
            segmentor=hfpl_segmentor,
            evaluate=dict(images='val, 1,449', test=hfpl_test),
        ),
        differs=(
            "without SEAM's second view, consistency losses and PCM; "
            + '; '.join([walk_differs, hfpl_segmentor_differs])
        ),
    ),
    hfpl_coco14=dict(
        name='ISL + FSL (WACV 2024), Table 3, on SEAM, 8 epochs',
        method='hfpl',
        figures=[
            dict(
                stage='evaluate',
                what='COCO val, mIoU',
                before=35.9,
                after=36.8,
            ),
            dict(
                stage='evaluate',
                what='COCO val, contour F',
                before=28.2,
                after=28.9,
            ),
        ],
        recipe=dict(
            classifier=dict(
                seam_classifier,
                loss='SEAM + ISL, lambda 0.2 + FSL, weight 0.2',
                images='COCO 2014 train, 82,783',
            ),
            confident=dict(steps='alphas 1 and 24'),
            affinity=dict(
                psa_affinity,
                rates='0.01 x ' + psa_rates,
                images='COCO 2014 train, 82,783',
            ),
            segmentor=dict(
                hfpl_segmentor,
                schedule=(
                    '200,000 iterations, batch 10, SGD 0.9, decay 5e-4, '
                    'poly 0.9'
                ),
                images='COCO 2014 train, 82,783',
            ),
            evaluate=dict(images='COCO 2014 val', test=hfpl_test),
        ),
        differs=(
            "without SEAM's second view, consistency losses and PCM; "
            + '; '.join([walk_differs, hfpl_segmentor_differs])
            + '; 82,081 and 40,137 images, '
            'those with a class, where the paper has 82,783 and 40,504; masks '
            'painted from instances by another tool: figures do not compare'
        ),
    ),
    hfpl_sipe_voc12=dict(
        name='ISL + FSL (WACV 2024), on SIPE',
        method='hfpl',
        figures=[
            dict(
                stage='seeds',
                what=voc_train + 'CAMs, mIoU',
                before=58.5,
                after=60.1,
            ),
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=68.0,
                after=68.3,
            ),
            dict(
                stage='evaluate',
                what=voc_val + 'contour F',
                before=45.1,
                after=46.8,
            ),
        ],
        recipe=dict(
            classifier=irn_classifier,
            seeds=dict(images='train, 1,464', test='best class, no threshold'),
            affinity=irn_affinity,
            segmentor=dict(not_given, network='ResNet38', images=train_aug),
            evaluate=dict(images='val, 1,449', test='not given'),
        ),
        differs=(
            'seeds at the best threshold; each view finds its own seeds; FSL '
            'in the form of the code, which is for SEAM; crop, '
            "schedule and test of the segmentor are those of HFPL's code for "
            'SEAM, a reading; ' + hfpl_segmentor_differs
        ),
        variants=[resnet101['SIPE']],
    ),
    hfpl_spatial_bce_voc12=dict(
        name='ISL + FSL (WACV 2024), on Spatial-BCE',
        method='hfpl',
        figures=[
            dict(
                stage='seeds',
                what=voc_train + 'CAMs, mIoU',
                before=67.0,
                after=68.6,
            ),
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=68.1,
                after=69.3,
            ),
            dict(
                stage='evaluate',
                what=voc_val + 'contour F',
                before=45.4,
                after=48.2,
            ),
        ],
        recipe=dict(
            phase_1=spatial_bce_phase,
            phase_2=spatial_bce_phase,
            phase_3=spatial_bce_phase,
            seeds=dict(images='train, 1,464', test='swept on masks'),
            affinity=irn_affinity,
            segmentor=dict(not_given, network='ResNet38', images=train_aug),
            evaluate=dict(images='val, 1,449', test='not given'),
        ),
        differs=(
            "the first phase's weights and shares come from a plain CAM "
            'network, where its authors have files; flips and colour jitter '
            'for RandAugment; ISL alone, as it has no pooled loss; '
            "IRN's thresholds on scores in which 0.5 is the predicted "
            "threshold, the walk's background 0.40 without ISL and FSL too; "
            "crop, schedule and test of the segmentor are HFPL's for SEAM, a "
            'reading; ' + hfpl_segmentor_differs
        ),
        variants=[resnet101['Spatial-BCE']],
    ),
    pmm_voc12=dict(
        name='PMM (ICCV 2021), ResNet38',
        method='second',
        figures=[
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=None,
                after=68.5,
            )
        ],
        recipe=dict(
            classifier=dict(
                seam_classifier,
                schedule='8 epochs, batch 24, poly 0.9',
                rates='0.02 x ' + psa_rates,
            ),
            segmentor=dict(
                network='PSPNet, ResNet38 at stride 8',
                schedule='20,000 iterations, SGD 0.9, decay 5e-4, poly 0.9',
                rates='0.005',
                images=train_aug,
            ),
            second_scores=dict(
                images=train_aug,
                test='scales, flips, CRF of 10 iterations, no image labels',
            ),
            evaluate=dict(
                images='val, 1,449',
                test='short side 512, windows of 512 at 480, CRF of 10 '
                'iterations',
            ),
        ),
        differs=(
            "SEAM's own CAM network with rate 0.01 and batches of 8, without "
            'the multi-crop stage on ScaleNet-101; the first segmentor is the '
            'last checkpoint, not the best on val, and its predictions keep '
            'to the image labels; batch, crop and scales of the segmentor are '
            'a reading; ' + seam_differs
        ),
    ),
    csd_voc12=dict(
        name='CSD (BMVC 2023), Table 1, on IRN',
        method='csd',
        figures=[
            dict(
                stage='seeds',
                what=voc_train + 'CAMs, mIoU',
                before=48.3,
                after=50.6,
            ),
            dict(
                stage='labels_on_train',
                what=voc_train + 'pseudo labels, mIoU',
                before=66.5,
                after=68.2,
            ),
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=63.5,
                after=64.9,
            ),
        ],
        recipe=dict(
            classifier=irn_classifier,
            csd=dict(irn_classifier, loss='IRN + CSD, lambda 0.01 and 0.1'),
            seeds=dict(images='train, 1,464', test="'a range of thresholds'"),
            affinity=irn_affinity,
            segmentor=dict(
                not_given, network='DeepLab, ResNet-50', images=train_aug
            ),
            evaluate=dict(images='val, 1,449', test='not given'),
        ),
        differs=(
            "CSD starts from a first training of the CAM network, IRN's walk "
            'on which is the masks; Eq. 4 is a reading of the text; '
            'segmentor and test of the paper are not given: crop, schedule, '
            "scales and CRF are DHR's, a reading"
        ),
    ),
    clip_es_voc12=dict(
        name='CLIP-ES (CVPR 2023)',
        method='crf',
        figures=[
            dict(
                stage='seeds',
                what=voc_train + 'CAMs, mIoU',
                before=70.8,
                after=70.8,
            ),
            dict(
                stage='labels_on_train',
                what=voc_train + 'pseudo labels, mIoU',
                before=None,
                after=75.0,
            ),
        ],
        recipe=dict(
            cams=dict(network='CLIP ViT-B/16 of OpenAI, frozen'),
            segmentor=dict(network='DeepLabV2, ResNet-101', images=train_aug),
        ),
        differs=(
            'boxes include their last row and column; DenseCRF sees the RGB '
            'image, not one less its mean; DeepLab-LargeFOV on ResNet38 with '
            'OCR as the segmentor'
        ),
    ),
    weclip_voc12=dict(
        name='WeCLIP (CVPR 2024)',
        method='test_crf',
        figures=[
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=74.9,
                after=76.4,
            )
        ],
        recipe=dict(
            segmentor=dict(
                network='CLIP ViT-B/16 of OpenAI, frozen; a decoder on it',
                crop='320 x 320',
                scale='0.5 to 2',
                schedule=(
                    '30,000 iterations, batch 4, AdamW, decay 0.01, linear'
                ),
                rates='0.002',
                images=train_aug,
            ),
            evaluate=dict(
                images='val, 1,449',
                test=(
                    'long sides 512 384, flips, mean of logits, CRF of 10 '
                    'iterations'
                ),
            ),
        ),
        differs=(
            "image labels where its code reads masks; CLIP's mean and "
            "deviation where it has ImageNet's; padding ignored; the last "
            'checkpoint'
        ),
    ),
    mars_voc12=dict(
        name='MARS (ICCV 2023), Table 5, on IRN',
        method='mars',
        figures=[
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=63.5,
                after=69.8,
            )
        ],
        recipe=dict(
            classifier=irn_classifier,
            affinity=irn_affinity,
            stego=dict(
                network='STEGO (DHR: on DINO ViT-B/8)',
                schedule='5000 iterations, batch 16, Adam',
                rates='0.0005',
            ),
            segmentor=dhr_segmentor,
            evaluate=dict(
                images='val, 1,449; figures of the VOC server',
                test=(
                    "'multi-scale inference and CRF with conventional "
                    "settings'"
                ),
            ),
        ),
        differs=stego_differs,
    ),
    mars_rsepm_voc12=dict(
        name='MARS (ICCV 2023), Tables 3 and 6, on RS+EPM',
        method='mars',
        figures=[
            dict(
                stage='evaluate',
                what=voc_val + 'mIoU',
                before=74.4,
                after=77.7,
            ),
            *(
                dict(
                    stage='evaluate_train',
                    what=voc_train + what,
                    before=before,
                    after=after,
                )
                for what, before, after in (
                    ('mIoU', 77.4, 81.8),
                    ('foreground FP %', 12.3, 9.9),
                    ('foreground FN %', 10.8, 9.0),
                )
            ),
        ],
        recipe=dict(
            published=dict(network='ResNet-101, RS+EPM'),
            segmentor=dict(dhr_segmentor, network='DeepLabV3+, ResNet-101'),
            evaluate=dict(
                images='val, 1,449; figures of the VOC server',
                test='as on IRN',
            ),
        ),
        differs=(
            "RS+EPM's labels are those that DHR's authors released; "
            + stego_differs
        ),
        variants=[
            dict(
                name='MARS (ICCV 2023), Table 6, without WCE',
                configs=dict(
                    mars=(
                        'configs/mars/mars-unweighted_deeplabv3plus_r101-d8_'
                        'voc12-512x512.py'
                    )
                ),
                figures=[
                    dict(
                        stage='evaluate_train',
                        what=voc_train + what,
                        before=before,
                        after=after,
                    )
                    for what, before, after in (
                        ('mIoU', 77.4, 80.9),
                        ('foreground FP %', 12.3, 12.2),
                        ('foreground FN %', 10.8, 7.5),
                    )
                ],
                differs='else as with WCE, on RS+EPM',
            )
        ],
    ),
    mars_coco14=dict(
        name='MARS (ICCV 2023), Table 3, on RS+EPM',
        method='mars',
        figures=[
            dict(
                stage='evaluate',
                what='COCO val, mIoU',
                before=46.4,
                after=49.4,
            )
        ],
        recipe=dict(
            classifier=dict(network='ResNet-101, RS+EPM'),
            affinity=dict(network='none'),
            segmentor=dict(
                not_given,
                network='DeepLabV3+, ResNet-101',
                images='COCO 2014 train',
            ),
            evaluate=dict(images='COCO 2014 val', test='as on VOC'),
        ),
        differs=(
            "IRN's labels where the paper has RS+EPM's; 82,081 training "
            'images where it has 80,783; schedules of CAM network, IRN and '
            'STEGO are guesses; masks painted from '
            'instances: figures do not compare; ' + stego_differs
        ),
    ),
)
