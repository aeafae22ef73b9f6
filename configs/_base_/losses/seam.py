# SEAM's losses for a SEAMHead:
#   loss_decode=[_base_.half_gap_loss, _base_.seam_loss]
# The classification loss is the mean over two views: half of it is the GAP
# loss of the image, seam_loss has the half of the smaller view.
half_gap_loss = dict(type='mmseg_wsss.GAPLoss', loss_weight=0.5)
seam_loss = dict(
    type='mmseg_wsss.SEAMLoss',
    scale=0.3,
    er_weight=1.0,
    ecr_weight=1.0,
    min_weight=1.0,
)
