# SIPE's losses for a SIPEHead:
#   loss_decode=[_base_.gap_loss, _base_.sipe_loss]
gap_loss = dict(type='mmseg_wsss.GAPLoss')
sipe_loss = dict(type='mmseg_wsss.SIPELoss', loss_weight=1.0)
