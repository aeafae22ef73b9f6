# OCR's loss with the paper's values, beside a head's own loss:
#   loss_decode=[_base_.model.decode_head.loss_decode, _base_.ocr_loss]
# prior_norm='joint' is the paper's Eq. 7.
ocr_loss = dict(
    type='mmseg_wsss.OCRLoss',
    margin=2.0,
    threshold=0.2,
    group='adaptive',
    prior='auto',
    prior_norm='joint',
    loss_weight=1.0,
)
# Beside the metrics of a config: how often its anchor is the true class, at
# the out-of-candidate pixels of images that have masks.
#   val_evaluator = [*_base_.val_evaluator, _base_.anchor_metric]
anchor_metric = dict(type='mmseg_wsss.AnchorMetric')
