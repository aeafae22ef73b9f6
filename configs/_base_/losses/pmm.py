# PMM's cross-entropy in the place of a head's own, with the paper's values for
# VOC; on COCO both are 0.8:
#   loss_decode=_base_.under_fitting_loss
under_fitting_loss = dict(
    type='mmseg_wsss.UnderFittingCrossEntropy',
    begin_below=0.5,
    limit=0.5,
    loss_weight=1.0,
)
