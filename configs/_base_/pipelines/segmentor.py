# The segmentor's cross-entropy, with OCR beside it, its evaluation, and its
# upper mark.
_base_ = '../losses/ocr.py'
ce_loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
with_ce = {'model.decode_head.loss_decode': [ce_loss]}
with_ocr = {'model.decode_head.loss_decode': [ce_loss, _base_.ocr_loss]}
# In place of another config with OCR, for a stage that has one.
loss_by_switch = dict(
    options=with_ce, when=dict(_delete_=True, ocr=dict(options=with_ocr))
)
segmentor = dict(
    config='segmentor',
    when={
        'mars': dict(config='mars'),
        'ocr': dict(options=with_ocr),
        'mars+ocr': dict(config='mars_ocr'),
    },
)
evaluate = dict(
    config='{segmentor.config}',
    inputs=dict(checkpoint='{segmentor.checkpoint}'),
)
# An upper mark: the segmentor on true masks, those of VOC or of COCO.
full_on_masks = dict(
    kind='train',
    method='full',
    config='segmentor',
    options={
        **with_ce,
        'train_dataloader.dataset.data_prefix.seg_map_path': (
            'SegmentationClassAug'
        ),
        'custom_hooks': [
            dict(type='mmseg_wsss.WeakSupervisionHook', allow_masks=True),
            dict(type='mmseg_wsss.EpochSeedHook'),
        ],
    },
)
full_on_coco_masks = dict(
    full_on_masks,
    options={
        **full_on_masks['options'],
        'train_dataloader.dataset.data_prefix.seg_map_path': 'masks_train',
    },
)
