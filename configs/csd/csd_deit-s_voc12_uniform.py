# CSD on MCTformer-V2, VOC 2012, without resampling: the paper's 'plain
# copy-and-paste'.
_base_ = './csd_deit-s_voc12.py'
train_dataloader = dict(dataset=dict(resampling='uniform'))
