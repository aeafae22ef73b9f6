# OCR (CVPR 2023) as published: DeepLab-LargeFOV v1 on ResNet38 at output
# stride 8, PASCAL VOC 2012, 30 epochs, batch 16 (on several GPUs with
# --split-batch). Needs the pseudo labels of a CAM network and
# converted ImageNet weights, see configs/ocr/README.md. What the paper leaves
# to its baselines, and what we took, is said in the _base_ files.
_base_ = [
    './_base_/models/deeplab-largefov_r38.py',
    './_base_/datasets/voc12_wsss-321.py',
    './_base_/schedules/ocr_30e.py',
    './_base_/losses/ocr.py',
    './_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        init_cfg=dict(
            type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth'
        )
    ),
    decode_head=dict(
        loss_decode=[_base_.model.decode_head.loss_decode, _base_.ocr_loss]
    ),
)
val_evaluator = [*_base_.val_evaluator, _base_.anchor_metric]
test_evaluator = val_evaluator
