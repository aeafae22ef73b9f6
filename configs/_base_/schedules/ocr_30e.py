# OCR's schedule. Its paper gives one learning rate, 1e-3, and "the same
# settings of several previous methods"; ours are the groups of SEAM's
# segmentor (MCTformer's has ten times the rate for new layers and no other
# group).
_base_ = ['./sgd_30e.py', './four_groups.py']
optim_wrapper = dict(paramwise_cfg=_base_.four_groups)
