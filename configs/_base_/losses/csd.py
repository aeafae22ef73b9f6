# CSD's loss for CAM networks whose maps are logits, beside the head's own:
#   loss_decode=[dict(type='mmseg_wsss.GAPLoss'), _base_.csd_loss]
# Its views come from CSDDataset and CSDCopyPaste, see configs/csd.
#
# The paper's values, for the configs that stand for its figures: logits as
# they are, lambda 0.01 and 0.1. The paper does not give M' of Eq. 4: 1 is one
# certain class of a sum of sigmoids; the author's code has 0.1, without a sum.
paper_csd_loss = dict(
    type='mmseg_wsss.CSDLoss',
    fg_weight=0.01,
    bg_weight=0.1,
    min_max=False,
    dummy_score=1.0,
    view_norm='batch',
)
# Ours, for small networks. With the paper's values the loss is there several
# times GAP's and makes CAMs worse on the scenes; these make them better, see
# configs/csd/README.md.
csd_loss = dict(paper_csd_loss, bg_weight=0.01, min_max=True)
