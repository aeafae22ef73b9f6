# AdvCAM on the CAM network of voc_mini. The training is that of
# cam_mobilenetv2_voc-mini.py, whose checkpoint fits; --tta climbs. For a CPU:
# one scale and 8 steps.
_base_ = '../cam/cam_mobilenetv2_voc-mini.py'
tta_model = dict(type='mmseg_wsss.AdversarialCAMTTAModel', steps=8)
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=_base_.size, keep_ratio=True),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=1.0, keep_ratio=True)],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadAnnotations')],
            [_base_.load_image_labels],
            [dict(type='mmseg_wsss.PackWSSSInputs')],
        ],
    ),
]
