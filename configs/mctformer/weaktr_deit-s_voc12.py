# WeakTr on DeiT-S/16, VOC 2012: MCTformer-V2 whose attention is weighted by
# head (adaptive attention fusion), with WeakTr's rate and decay, seeds from
# two scales and flips. Its DenseCRF starts from labels, with a background of
# 0.43 (README). Needs MMPretrain.
_base_ = './mctformer_deit-s_voc12.py'
cam_scales = (1.0, 1.2)
model = dict(
    backbone=dict(attention='heads'),
    decode_head=dict(
        type='mmseg_wsss.WeakTrHead',
        num_maps=72,
        head_dims=64,
        background_threshold=0.43,
        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss'),
            dict(type='mmseg_wsss.TokenLoss'),
            dict(type='mmseg_wsss.FusedCAMLoss'),
        ],
    ),
)
optim_wrapper = dict(
    optimizer=dict(
        lr=7.5e-5,  # 6e-4 * batch size / 512
        weight_decay=0.03,
    )
)
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True)
                for r in cam_scales
            ],
            [_base_.whole_patches],
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
