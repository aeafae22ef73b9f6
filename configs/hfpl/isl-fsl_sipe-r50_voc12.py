# ISL and FSL on SIPE, VOC 2012, as the paper has them: maps of 32 x 32 are
# enlarged to 64 x 64, and both weights are a tenth, as SIPE's steps are larger
# than SEAM's. FSL as in the published code, which is for SEAM: mu was found on
# the colours of points.
_base_ = ['../sipe/sipe_r50_voc12.py', '../_base_/losses/hfpl.py']
isl_loss = {**_base_.isl_loss, 'isl_weight': 0.02}
fsl_loss = {**_base_.published_fsl_loss, 'upsample': 2, 'loss_weight': 0.1}
losses = [isl_loss, fsl_loss, _base_.sipe_loss]
model = dict(decode_head=dict(loss_decode=losses))
