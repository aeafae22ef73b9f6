# OCR on MS COCO 2014, 81 classes; otherwise as on VOC.
_base_ = [
    '../_base_/models/deeplab-largefov_r38.py',
    '../_base_/datasets/coco14_wsss-321.py',
    '../_base_/schedules/ocr_30e.py',
    '../_base_/losses/ocr.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth'
        )
    ),
    decode_head=dict(
        num_classes=81,
        loss_decode=[_base_.model.decode_head.loss_decode, _base_.ocr_loss],
    ),
)
val_evaluator = [*_base_.val_evaluator, _base_.anchor_metric]
test_evaluator = val_evaluator
