# PMM's cross-entropy on pseudo labels of voc_mini, such as those of
# ppmg_voc-mini.py; train_dataloader.dataset.data_prefix.seg_map_path names
# their folder.
_base_ = [
    '../ocr/ce_mobilenetv2_voc-mini.py',
    '../_base_/losses/pmm.py',
]
model = dict(
    decode_head=dict(
        loss_decode=dict(_delete_=True, **_base_.under_fitting_loss)
    )
)
