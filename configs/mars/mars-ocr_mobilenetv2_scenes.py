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
