# WeCLIP, VOC 2012: one training, on labels that a frozen CLIP makes meanwhile
# from image labels and class names. Tested at two sizes with flips and a
# DenseCRF.
#   python tools/run_pipeline.py configs/pipelines/voc12_weclip.py
# The batch is 4: up to four GPUs share it with
#       --launcher pytorch --gpus 4 --split-batch
_base_ = [
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/evaluation.py',
    '../_base_/pipelines/papers.py',
]
use = dict(
    test_crf=True,  # DenseCRF in the test
    ocr=False,  # OCR in the segmentor
)
options = {'randomness.seed': 0}
configs = dict(segmentor='configs/weclip/weclip_vit-b16_voc12.py')
prepare = [
    [
        'tools/make_text_embeddings.py',
        'configs/clip_es/clip-es_vit-b16_voc12.py',
    ]
]
balanced_loss = dict(type='mmseg_wsss.BalancedCrossEntropy')
stages = dict(
    segmentor=dict(
        config='segmentor',
        when=dict(
            ocr=dict(
                options={
                    'model.decode_head.loss_decode': [
                        balanced_loss,
                        _base_.ocr_loss,
                    ]
                }
            )
        ),
    ),
    evaluate=dict(
        _base_.evaluate,
        tta=True,
        options={'custom_hooks': []},
        when=dict(
            test_crf=dict(
                options={
                    'custom_hooks': [
                        dict(
                            type='mmseg_wsss.DenseCRFHook',
                            params='weclip_test',
                        )
                    ]
                }
            )
        ),
    ),
)
paper = _base_.papers.weclip_voc12
