# HFPL's losses with the paper's values for VOC and SGD, for a CAM head:
#   loss_decode=[_base_.isl_loss, _base_.fsl_loss]
# On COCO FSL has the weight 0.2. With AdamW (MCTformer) and with larger steps
# (SIPE) the paper scales both by 0.1: isl_weight=0.02, loss_weight=0.1.
isl_loss = dict(
    type='mmseg_wsss.BinomialISL',
    num_samples=10,
    isl_weight=0.2,
    posterior='binomial',
    loss_weight=1.0,
)
fsl_loss = dict(
    type='mmseg_wsss.FSL',
    mu=2.5,
    sigma=5.0,
    gate='max_norm',
    loss_weight=1.0,
)
# The form that gave the paper's figures, as in the published code, which is
# for SEAM: a background channel, which the text does not have, colours of
# points, and SEAM's gate, Eq. 4 but where a map is positive everywhere.
published_fsl_loss = {
    **fsl_loss,
    'gate': 'min_max',
    'with_background': True,
    'colours': 'point',
}
