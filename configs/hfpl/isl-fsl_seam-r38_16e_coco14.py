# ISL and FSL on SEAM, COCO 2014, for 16 epochs (paper, Table 3).
_base_ = './isl-fsl_seam-r38_coco14.py'
epochs = 16
param_scheduler = [{**_base_.param_scheduler[0], 'end': epochs}]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
