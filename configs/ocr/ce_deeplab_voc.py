# ../ocr_deeplab_voc.py without OCR.
_base_ = '../ocr_deeplab_voc.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
model = dict(decode_head=dict(loss_decode=[ce_loss]))
