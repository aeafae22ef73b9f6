# PSPNet on pseudo labels of VOC 2012 with plain cross-entropy: the baseline of
# pmm_pspnet_r38_20k_voc12-512x512.py, and the second segmentor of PMM.
_base_ = './pmm_pspnet_r38_20k_voc12-512x512.py'
ce_loss = dict(_delete_=True, type='CrossEntropyLoss', avg_non_ignore=True)
model = dict(
    decode_head=dict(loss_decode=ce_loss),
    auxiliary_head=dict(loss_decode=dict(ce_loss, loss_weight=0.4)),
)
