# ocr_deeplab-largefov_r38_30e_coco14-321x321.py without OCR.
_base_ = './ocr_deeplab-largefov_r38_30e_coco14-321x321.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
model = dict(decode_head=dict(loss_decode=[ce_loss]))
