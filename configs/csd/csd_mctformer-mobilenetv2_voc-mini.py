# CSD on MCTformer-V2, voc_mini, on the logits of the patch map. It starts from
# a first run, whose refined pseudo labels are the masks,
# data/voc_mini/pseudo_labels:
#   python tools/train.py configs/mctformer/mctformer_mobilenetv2_voc-mini.py
#   write its CAMs, and refine them by configs/crf/crf_voc-mini.py
_base_ = [
    '../mctformer/mctformer_mobilenetv2_voc-mini.py',
    '../_base_/losses/csd.py',
]
load_from = 'work_dirs/mctformer_mobilenetv2_voc-mini/epoch_4.pth'
gap_loss = dict(type='mmseg_wsss.GAPLoss')
token_loss = dict(type='mmseg_wsss.TokenLoss')
losses = [gap_loss, token_loss, _base_.csd_loss]
model = dict(decode_head=dict(loss_decode=losses))
single_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    _base_.load_image_labels,
    _base_.resize,
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
]
train_pipeline = [
    dict(type='mmseg_wsss.CSDCopyPaste'),
    dict(type='mmseg_wsss.PackWSSSInputs'),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmseg_wsss.SeededSampler'),
    dataset=dict(
        _delete_=True,
        type='mmseg_wsss.CSDDataset',
        dataset={
            **_base_.train_dataloader.dataset,
            'pipeline': single_pipeline,
        },
        pipeline=train_pipeline,
    ),
)
