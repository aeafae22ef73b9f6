# A segmentor on voc_mini's debiased labels that leaves biased pixels out.
_base_ = '../ocr/ce_mobilenetv2_voc-mini.py'
load_image, load_label, *others = _base_.train_pipeline
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(seg_map_path='debiased/labels'),
        pipeline=[
            load_image,
            load_label,
            dict(type='mmseg_wsss.IgnoreBiased'),
            *others,
        ],
    )
)
