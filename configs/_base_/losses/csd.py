# CSD's loss with the paper's weights, beside a CAM head's own loss:
#   loss_decode=[dict(type='mmseg_wsss.GAPLoss'), _base_.csd_loss]
# Its views come from CSDDataset and CSDCopyPaste, see configs/csd.
csd_loss = dict(
    type='mmseg_wsss.CSDLoss',
    fg_weight=0.01,
    bg_weight=0.1,
    dummy_score=1.0,
    view_norm='batch',
)
