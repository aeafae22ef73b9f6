# The segmentor's cross-entropy, with OCR beside it, and its evaluation.
_base_ = '../losses/ocr.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
with_ce = {'model.decode_head.loss_decode': [ce_loss]}
with_ocr = {'model.decode_head.loss_decode': [ce_loss, _base_.ocr_loss]}
# In place of another config with OCR, for a stage that has one.
loss_by_switch = dict(
    options=with_ce, when=dict(_delete_=True, ocr=dict(options=with_ocr))
)
segmentor = dict(
    config='segmentor',
    when={
        'mars': dict(config='mars'),
        'ocr': dict(options=with_ocr),
        'mars+ocr': dict(config='mars_ocr'),
    },
)
evaluate = dict(
    config='{segmentor.config}',
    inputs=dict(checkpoint='{segmentor.checkpoint}'),
)
