# MARS and OCR together on the scenes' debiased labels.
_base_ = './mars_mobilenetv2_scenes.py'
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type='CrossEntropyLoss', avg_non_ignore=True),
            _base_.ocr_loss,
        ]
    )
)
# A teacher that filled with a class that the image does not have would teach
# what OCR pushes down. Neither paper has the pair.
*others, hook = _base_.custom_hooks
custom_hooks = [*others, dict(hook, restrict_to_labels=True)]
