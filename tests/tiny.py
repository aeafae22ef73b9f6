"""A tiny data set and tiny models that the tests share."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from PIL import Image
from torch import nn

from mmseg_wsss.datasets import save_image_labels
from mmseg_wsss.io.labels import save_label

CLASSES = ('background', 'red', 'green', 'blue')
PALETTE = [[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]]


@MODELS.register_module(force=True)
class TinyBackbone(BaseModule):
    """One convolution of stride 4."""

    def __init__(self, channels=8, init_cfg=None):
        super().__init__(init_cfg)
        self.conv = nn.Conv2d(3, channels, 3, stride=4, padding=1)

    def forward(self, x):
        return (self.conv(x).relu(),)


def make_dataset(root: Path, count: int = 6, size: int = 32) -> dict:
    """Draw coloured squares in VOC layout; returns {stem: class names}."""
    rng = np.random.default_rng(0)
    labels = {}
    for folder in ('images', 'masks', 'pseudo'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        image = np.full((size, size, 3), 90, np.uint8)
        mask = np.zeros((size, size), np.uint8)
        present = sorted({1 + index % 3, 1 + (index // 3) % 3})
        for position, k in enumerate(present):
            top, left = rng.integers(0, size // 4), position * size // 2
            box = slice(top, top + size // 2), slice(left, left + size // 3)
            image[box], mask[box] = PALETTE[k], k
        stem = f'img_{index}'
        Image.fromarray(image).save(root / 'images' / f'{stem}.png')
        for folder in ('masks', 'pseudo'):
            save_label(root / folder / f'{stem}.png', mask, PALETTE)
        labels[stem] = [CLASSES[k] for k in present]
    save_image_labels(root / 'image_labels.json', labels)
    (root / 'list.txt').write_text('\n'.join(labels))
    return labels


def config(root: Path, head: dict, work_dir: Path, masks='pseudo') -> Config:
    """A whole Runner config on the tiny data set."""
    load_labels = dict(
        type='mmseg_wsss.LoadImageLabels',
        ann_file=str(root / 'image_labels.json'),
        classes=CLASSES,
    )
    is_cam = head['type'].endswith(
        ('CAMHead', 'SEAMHead', 'SIPEHead', 'WeakTrHead')
    )
    train = [dict(type='LoadImageFromFile')]
    train += [] if is_cam else [dict(type='LoadAnnotations')]
    train += [load_labels, dict(type='mmseg_wsss.PackWSSSInputs')]
    test = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        load_labels,
        dict(type='mmseg_wsss.PackWSSSInputs'),
    ]

    def loader(pipeline, folder, shuffle):
        return dict(
            batch_size=2 if shuffle else 1,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=shuffle),
            dataset=dict(
                type='BaseSegDataset',
                metainfo=dict(classes=CLASSES, palette=PALETTE),
                data_prefix=dict(
                    img_path=str(root / 'images'),
                    seg_map_path=str(root / folder),
                ),
                img_suffix='.png',
                seg_map_suffix='.png',
                ann_file=str(root / 'list.txt'),
                pipeline=pipeline,
            ),
        )

    evaluator = [
        dict(type='IoUMetric', iou_metrics=['mIoU']),
        dict(type='mmseg_wsss.OutOfCandidateMetric'),
    ]
    return Config(
        dict(
            default_scope='mmseg',
            custom_imports=dict(imports=['mmseg_wsss', 'tests.tiny']),
            custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')],
            model=dict(
                type='EncoderDecoder',
                data_preprocessor=dict(
                    type='SegDataPreProcessor',
                    mean=[127.5] * 3,
                    std=[127.5] * 3,
                    bgr_to_rgb=True,
                    size=(32, 32),
                ),
                backbone=dict(type='TinyBackbone'),
                decode_head=head,
                train_cfg=dict(),
                test_cfg=dict(mode='whole'),
            ),
            train_dataloader=loader(train, masks, True),
            val_dataloader=loader(test, 'masks', False),
            test_dataloader=loader(test, 'masks', False),
            val_evaluator=evaluator,
            test_evaluator=evaluator,
            train_cfg=dict(
                type='EpochBasedTrainLoop', max_epochs=1, val_interval=1
            ),
            val_cfg=dict(type='ValLoop'),
            test_cfg=dict(type='TestLoop'),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', interval=1)
            ),
            visualizer=dict(type='SegLocalVisualizer', vis_backends=[]),
            tta_model=dict(type='SegTTAModel'),
            tta_pipeline=[
                dict(type='LoadImageFromFile'),
                dict(
                    type='TestTimeAug',
                    transforms=[
                        [
                            dict(type='Resize', scale_factor=r)
                            for r in (0.5, 1.0)
                        ],
                        [
                            dict(type='RandomFlip', prob=0.0),
                            dict(type='RandomFlip', prob=1.0),
                        ],
                        [dict(type='LoadAnnotations')],
                        [load_labels],
                        [dict(type='mmseg_wsss.PackWSSSInputs')],
                    ],
                ),
            ],
            randomness=dict(seed=0),
            env_cfg=dict(dist_cfg=dict(backend='gloo')),
            work_dir=str(work_dir),
            # Runners of one name and second would share a message hub.
            experiment_name=f'{work_dir.parent.name}_{work_dir.name}',
            log_level='WARNING',
        ),
        # Runners dump it; YAPF takes seconds to lay out nested long paths.
        format_python_code=False,
    )


def fcn_head(*losses: dict) -> dict:
    """An FCN head with cross-entropy and more losses."""
    return dict(
        type='FCNHead',
        in_channels=8,
        in_index=0,
        channels=8,
        num_convs=1,
        num_classes=4,
        norm_cfg=dict(type='BN'),
        loss_decode=[
            dict(type='CrossEntropyLoss', avg_non_ignore=True),
            *losses,
        ],
    )


def cam_head(**options) -> dict:
    """A CAM head."""
    return dict(
        type='mmseg_wsss.CAMHead',
        in_channels=8,
        in_index=0,
        num_classes=4,
        **options,
    )


def seam_head(**options) -> dict:
    """A SEAM head on the one feature, with its losses."""
    head = dict(
        type='mmseg_wsss.SEAMHead',
        in_channels=(8, 8, 8),
        in_index=(0, 0, 0),
        num_classes=4,
        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss', loss_weight=0.5),
            dict(type='mmseg_wsss.SEAMLoss', scale=0.5),
        ],
    )
    return {**head, **options}


def sipe_head(**options) -> dict:
    """A SIPE head on the one feature, twice, with its losses."""
    head = dict(
        type='mmseg_wsss.SIPEHead',
        in_channels=(8, 8),
        in_index=(0, 0),
        side_channels=(4, 6),
        num_classes=4,
        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss'),
            dict(type='mmseg_wsss.SIPELoss'),
        ],
    )
    return {**head, **options}


# A transformer with a token for each of the three foreground classes.
TOKEN_VIT = dict(
    type='mmseg_wsss.MultiTokenViT',
    num_tokens=3,
    arch=dict(
        embed_dims=12, num_layers=2, num_heads=3, feedforward_channels=24
    ),
    img_size=32,
    patch_size=8,
)


def token_head(**options) -> dict:
    """A head for its tokens."""
    return dict(
        type='mmseg_wsss.TokenCAMHead',
        in_channels=12,
        num_classes=4,
        **options,
    )


def csd_config(root: Path, work_dir: Path, **loss) -> Config:
    """A whole Runner config of a CAM head with GAP and CSD losses."""
    losses = [
        dict(type='mmseg_wsss.GAPLoss'),
        dict(type='mmseg_wsss.CSDLoss', **loss),
    ]
    cfg = config(root, cam_head(loss_decode=losses), work_dir)
    single = cfg.train_dataloader.dataset
    pack = single.pipeline.pop()
    single.pipeline.insert(1, dict(type='LoadAnnotations'))
    cfg.train_dataloader.dataset = dict(
        type='mmseg_wsss.CSDDataset',
        dataset=single,
        pipeline=[dict(type='mmseg_wsss.CSDCopyPaste'), pack],
    )
    cfg.train_dataloader.sampler = dict(type='mmseg_wsss.SeededSampler')
    return cfg
