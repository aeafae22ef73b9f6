# MARS on VOC 2012 without WCE, row 2 of the paper's Table 6: the teacher's
# labels weigh as much as the others.
_base_ = './mars_deeplabv3plus_r101-d8_voc12-512x512.py'
*others, hook = _base_.custom_hooks
custom_hooks = [*others, dict(hook, weighted=False)]
