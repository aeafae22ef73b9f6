# ../ocr_deeplab_voc.py with the appendix's form of Eq. 9 (Alg. 2): classes
# that it filters are not dropped from the sum, each adds e^0 = 1. Paper and
# appendix differ, and nobody has published which one gave the figures.
_base_ = '../ocr_deeplab_voc.py'
ocr_loss = {**_base_.ocr_loss, 'filtered': 'zeroed'}
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type='CrossEntropyLoss', avg_non_ignore=True),
            ocr_loss,
        ]
    )
)
