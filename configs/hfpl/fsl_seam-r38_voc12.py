# FSL alone, as published, on SEAM, VOC 2012 (paper, Table 4).
_base_ = ['../seam/seam_r38_voc12.py', '../_base_/losses/hfpl.py']
fsl_loss = _base_.published_fsl_loss
losses = [_base_.half_gap_loss, fsl_loss, _base_.seam_loss]
model = dict(decode_head=dict(loss_decode=losses))
