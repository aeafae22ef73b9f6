# FSL beside the GAP loss on voc_mini.
_base_ = './isl-fsl_mobilenetv2_voc-mini.py'
gap_loss = dict(type='mmseg_wsss.GAPLoss')
model = dict(decode_head=dict(loss_decode=[gap_loss, _base_.fsl_loss]))
