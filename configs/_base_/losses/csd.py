# CSD's loss for CAM networks whose maps are logits, beside the head's own:
#   loss_decode=[dict(type='mmseg_wsss.GAPLoss'), _base_.csd_loss]
# Its views come from CSDDataset and CSDCopyPaste, see configs/csd.
#
# With the paper's values (the defaults of CSDLoss) it is min_max=False,
# bg_weight=0.1; printed, the sum over classes has no activation either. On
# logits that is some ten times GAP's loss and makes CAMs worse on the scenes;
# these values make them better (configs/csd/README.md).
csd_loss = dict(
    type='mmseg_wsss.CSDLoss',
    fg_weight=0.01,
    bg_weight=0.01,
    min_max=True,
    dummy_score=1.0,
    view_norm='batch',
)
