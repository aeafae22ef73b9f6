# ISL and FSL on SEAM, built-in scenes. ISL is on the first view only, as in
# isl-fsl_seam-r38_voc12.py; FSL as in isl-fsl_mobilenetv2_scenes.py.
_base_ = ['../seam/seam_mobilenetv2_scenes.py', '../_base_/losses/hfpl.py']
isl_loss = {**_base_.isl_loss, 'loss_weight': 0.5}
fsl_loss = {**_base_.fsl_loss, 'upsample': 2, 'loss_weight': 0.3}
losses = [isl_loss, fsl_loss, _base_.seam_loss]
model = dict(decode_head=dict(loss_decode=losses))
