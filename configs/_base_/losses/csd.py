# CSD's loss for CAM networks whose maps are logits, beside the head's own:
#   loss_decode=[dict(type='mmseg_wsss.GAPLoss'), _base_.csd_loss]
# Its views come from CSDDataset and CSDCopyPaste, see configs/csd.
#
# The paper's values, the defaults of CSDLoss, are min_max=False and
# bg_weight=0.1. On logits the loss is then some ten times GAP's and makes CAMs
# worse on the scenes; the values here make them better, see
# configs/csd/README.md.
csd_loss = dict(
    type='mmseg_wsss.CSDLoss',
    fg_weight=0.01,
    bg_weight=0.01,
    min_max=True,
    dummy_score=1.0,
    view_norm='batch',
)
