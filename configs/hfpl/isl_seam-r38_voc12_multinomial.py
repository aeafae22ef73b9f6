# ISL by the multinomial posterior, Eq. 5, on SEAM, VOC 2012 (paper, Table 4),
# at its best lambda, 0.6. The number of cells and the one view are those of
# the binomial ISL; the multinomial code draws 100 cells of both views.
_base_ = ['../seam/seam_r38_voc12.py', '../_base_/losses/hfpl.py']
isl_loss = {
    **_base_.isl_loss,
    'posterior': 'multinomial',
    'isl_weight': 0.6,
    'loss_weight': 0.5,
}
model = dict(decode_head=dict(loss_decode=[isl_loss, _base_.seam_loss]))
