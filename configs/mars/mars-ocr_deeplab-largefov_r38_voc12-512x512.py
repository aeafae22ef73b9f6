# MARS and OCR together, DeepLab-LargeFOV on ResNet38, VOC 2012.
_base_ = [
    './mars_deeplab-largefov_r38_voc12-512x512.py',
    '../_base_/losses/ocr.py',
]
model = dict(
    decode_head=dict(
        loss_decode=[_base_.model.decode_head.loss_decode, _base_.ocr_loss]
    )
)
# A teacher that filled with a class that the image does not have would teach
# what OCR pushes down. Neither paper has the pair.
*others, hook = _base_.custom_hooks
custom_hooks = [*others, dict(hook, restrict_to_labels=True)]
val_evaluator = [*_base_.val_evaluator, _base_.anchor_metric]
test_evaluator = val_evaluator
