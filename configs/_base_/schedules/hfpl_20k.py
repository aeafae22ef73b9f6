# Schedule of SEAM's and HFPL's segmentor, from their code: 20 thousand
# iterations of SGD, poly 0.9, four groups of learning rates.
_base_ = ['./iters_20k.py', './four_groups.py']
iterations = 20000
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=_base_.four_groups)
param_scheduler = [
    dict(
        type='PolyLR',
        eta_min=0,
        power=0.9,
        begin=0,
        end=iterations,
        by_epoch=False,
    )
]
