# ISL and FSL on the patch map of MCTformer-V2, VOC 2012. As the paper has it,
# maps of 14 x 14 are enlarged to 56 x 56, and AdamW takes a tenth of both
# weights. The loss of the class tokens stays as it is.
_base_ = [
    '../mctformer/mctformer_deit-s_voc12.py',
    '../_base_/losses/hfpl.py',
]
isl_loss = {**_base_.isl_loss, 'isl_weight': 0.02}
fsl_loss = {**_base_.published_fsl_loss, 'upsample': 4, 'loss_weight': 0.1}
token_loss = dict(type='mmseg_wsss.TokenLoss')
model = dict(decode_head=dict(loss_decode=[isl_loss, fsl_loss, token_loss]))
