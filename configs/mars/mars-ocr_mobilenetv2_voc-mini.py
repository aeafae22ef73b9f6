# MARS and OCR together on voc_mini's debiased labels.
_base_ = './mars_mobilenetv2_voc-mini.py'
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type='CrossEntropyLoss', avg_non_ignore=True),
            _base_.ocr_loss,
        ]
    )
)
