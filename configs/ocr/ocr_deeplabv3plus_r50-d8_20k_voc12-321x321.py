# OCR mixed into DeepLabV3+ R50: one list of losses is all that changes.
_base_ = [
    '../_base_/models/deeplabv3plus_r50-d8.py',
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/schedules/iters_20k.py',
    '../_base_/losses/ocr.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    decode_head=dict(
        loss_decode=[_base_.model.decode_head.loss_decode, _base_.ocr_loss]
    ),
)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True)
)
val_evaluator = [*_base_.val_evaluator, _base_.anchor_metric]
test_evaluator = val_evaluator
