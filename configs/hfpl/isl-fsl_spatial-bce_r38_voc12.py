# ISL and FSL in every phase of Spatial-BCE, VOC 2012. The paper names no
# weights for it, so they are its defaults. Spatial-BCE has no pooled
# classification loss: ISL is added alone.
_base_ = [
    '../spatial_bce/spatial-bce_r38_voc12.py',
    '../_base_/losses/hfpl.py',
]
isl_loss = {**_base_.isl_loss, 'isl_weight': 1.0, 'loss_weight': 0.2}
polar_loss = dict(type='mmseg_wsss.SpatialBCE')
losses = [polar_loss, isl_loss, _base_.published_fsl_loss]
model = dict(decode_head=dict(loss_decode=losses))
