"""Backbones of the compatibility table, and their CAM networks."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import Tensor
from zoo_data import CLASSES, LABELS, PACK, SIZE, scenes, train_briefly

BN = dict(type='BN')
VIT = dict(img_size=(SIZE, SIZE), embed_dims=96, num_layers=4, num_heads=4)
HRNET = {
    f'stage{stage}': dict(
        num_modules=1,
        num_branches=stage,
        block='BASIC' if stage > 1 else 'BOTTLENECK',
        num_blocks=(1,) * stage,
        num_channels=tuple(16 * 2**i for i in range(stage)),
    )
    for stage in range(1, 5)
}
# By the package that has it, with the options that it needs.
MMSEG = {
    'ResNet': dict(depth=18, strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2)),
    'ResNetV1c': dict(depth=18),
    'ResNeXt': dict(depth=50),
    'ResNeSt': dict(depth=50),
    'MobileNetV2': dict(widen_factor=0.5),
    'MobileNetV3': dict(arch='small'),
    'HRNet': dict(extra=HRNET, norm_cfg=BN),
    'STDCNet': dict(
        stdc_type='STDCNet1',
        in_channels=3,
        channels=(32, 64, 256, 512, 1024),
        bottleneck_type='cat',
        num_convs=4,
        norm_cfg=BN,
        act_cfg=dict(type='ReLU'),
    ),
    'UNet': dict(base_channels=8),
    'MixVisionTransformer': dict(embed_dims=16),
    'SwinTransformer': dict(embed_dims=24, depths=(2, 2, 2, 2)),
    'SVT': dict(embed_dims=(32, 64, 128, 256)),
    'MSCAN': dict(
        embed_dims=(32, 64, 128, 256), depths=(1, 1, 1, 1), norm_cfg=BN
    ),
    'VisionTransformer': VIT,
    'BEiT': dict(VIT, qv_bias=True, init_values=0.1),
}
MMPRETRAIN = {
    'ConvNeXt': dict(arch='atto', gap_before_final_norm=False),
    'EfficientNet': dict(arch='b0'),
    'RegNet': dict(arch='regnetx_400mf'),
    'PoolFormer': dict(arch='s12'),
    'DenseNet': dict(arch='121'),
    'RepVGG': dict(arch='A0', out_indices=(3,)),
    'VisionTransformer': dict(
        arch='deit-t', img_size=SIZE, out_type='featmap'
    ),
}
TIMM = (
    'resnet18',
    'mobilenetv3_small_050',
    'efficientnet_lite0',
    'convnext_atto',
    'regnety_002',
    'hgnetv2_b0',
    'vit_tiny_patch16_224',
)


def backbones() -> dict[str, dict]:
    """Return each backbone's settings by its name in the table."""
    found = {
        f'mmseg.{name}': dict(options, type=name)
        for name, options in MMSEG.items()
    }
    for name, options in MMPRETRAIN.items():
        found[f'mmpretrain.{name}'] = dict(options, type=f'mmpretrain.{name}')
    for name in TIMM:
        options = dict(img_size=SIZE) if name.startswith('vit') else {}
        found[f'timm {name}'] = dict(
            type='TIMMBackbone', model_name=name, pretrained=False, **options
        )
    return found


def backbone_config(settings: dict, data: Path) -> Config:
    """Return the config of a CAM network with ISL and FSL.

    Args:
        settings: The backbone's.
        data: Folder of the scenes.
    """
    features = MODELS.build(settings)(torch.zeros(2, 3, SIZE, SIZE))
    last = features if isinstance(features, Tensor) else features[-1]
    cfg = Config(
        dict(
            default_scope='mmseg',
            custom_imports=dict(imports=['mmpretrain.models', 'mmseg_wsss']),
            custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')],
            model=dict(
                type='EncoderDecoder',
                data_preprocessor=dict(
                    type='SegDataPreProcessor',
                    mean=[127.5] * 3,
                    std=[127.5] * 3,
                    bgr_to_rgb=True,
                    size=(SIZE, SIZE),
                ),
                backbone=settings,
                decode_head=dict(
                    type='mmseg_wsss.CAMHead',
                    in_channels=last.shape[1],
                    in_index=-1,
                    num_classes=CLASSES,
                    loss_decode=[
                        dict(type='mmseg_wsss.BinomialISL'),
                        dict(type='mmseg_wsss.FSL'),
                    ],
                ),
            ),
            train_dataloader=dict(
                batch_size=2,
                num_workers=0,
                sampler=dict(type='InfiniteSampler', shuffle=True),
                dataset=scenes(
                    data,
                    [
                        dict(type='LoadImageFromFile'),
                        dict(LABELS, ann_file=f'{data}/image_labels.json'),
                        dict(type='Resize', scale=(SIZE, SIZE)),
                        PACK,
                    ],
                ),
            ),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        )
    )
    train_briefly(cfg)
    return cfg
