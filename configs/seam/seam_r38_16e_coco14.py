# SEAM on COCO 2014 for 16 epochs (HFPL's paper, Table 3).
_base_ = './seam_r38_coco14.py'
epochs = 16
param_scheduler = [{**_base_.param_scheduler[0], 'end': epochs}]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
