# IRN on EfficientNet-Lite2 and voc_mini.
_base_ = [
    './irn_mobilenetv2_voc-mini.py',
    '../_base_/models/efficientnet-lite2.py',
]
model = _base_.lite2_irn
checkpoint = (
    f'work_dirs/irn_efficientnet-lite2_voc-mini/epoch_{_base_.epochs}.pth'
)
*load, walk, normalise, background = _base_.walked
walked = [*load, dict(walk, checkpoint=checkpoint), normalise, background]
refine_pipeline = [*walked, dict(type='mmseg_wsss.ScoresToLabel')]
crf_pipeline = [
    *walked,
    dict(type='mmseg_wsss.DenseCRFRefine', params='irn'),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
