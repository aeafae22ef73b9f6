# PMM's cross-entropy on pseudo labels of the scenes, such as those of
# ppmg_scenes.py; train_dataloader.dataset.data_prefix.seg_map_path names
# their folder.
_base_ = [
    '../ocr/ce_mobilenetv2_scenes.py',
    '../_base_/losses/pmm.py',
]
model = dict(
    decode_head=dict(
        loss_decode=dict(_delete_=True, **_base_.under_fitting_loss)
    )
)
