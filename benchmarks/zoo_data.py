"""Small data and short training for the compatibility table."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config, ConfigDict

from mmseg_wsss.compat import find_steps, walk_dicts

CLASSES = 7  # of the scenes
SIZE = 128
LABELS = dict(
    type='mmseg_wsss.LoadImageLabels', classes='mmseg_wsss.ScenesDataset'
)
PACK = dict(type='mmseg_wsss.PackWSSSInputs')


def shrink(cfg: Config, head: ConfigDict, data: Path, size: int) -> None:
    """Set small data, no weights, and what trains on a CPU.

    Args:
        cfg: A segmentor's config, changed in place.
        head: Its main head.
        data: Folder of the scenes.
        size: Height and width of the crops.
    """
    nodes = list(walk_dicts(head))
    classes = next((n['num_classes'] for n in nodes if 'num_classes' in n), 0)
    for node in walk_dicts(cfg.model):
        shrink_module(node, classes, size)
    dataset = cfg.train_dataloader.dataset
    dataset = next(d for d in walk_dicts(dataset) if 'pipeline' in d)
    for step in walk_dicts(dataset['pipeline']):
        _shrink_transform(step, size)
    cfg.train_dataloader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=scenes(data, dataset['pipeline']),
    )
    if cfg.optim_wrapper.type == 'AmpOptimWrapper':  # needs a GPU
        cfg.optim_wrapper.type = 'OptimWrapper'
        cfg.optim_wrapper.pop('loss_scale', None)
    cfg.load_from = None
    train_briefly(cfg)


def shrink_module(node: dict, classes: int, size: int) -> None:
    """Change what a module of a model has of weights, classes and sizes."""
    node.pop('pretrained', None)
    if find_steps(node.get('init_cfg'), 'Pretrained'):
        node['init_cfg'] = None
    if node.get('type') == 'SyncBN':  # works on GPUs only
        node['type'] = 'BN'
    if node.get('num_classes') == classes:
        node['num_classes'] = CLASSES
    weights = node.get('class_weight')
    if weights and len(weights) == classes:  # those of the old data
        node.pop('class_weight')
    elif weights:  # one more, of "no object"
        node['class_weight'] = [*weights[:CLASSES], *weights[classes:]]
    for key in ('img_size', 'size'):
        if node.get(key):
            node[key] = (size, size)


def _shrink_transform(step: dict, size: int) -> None:
    step.pop('reduce_zero_label', None)
    for key in ('scale', 'crop_size'):
        if step.get(key):
            step[key] = (size, size)
    if step.get('scales'):
        pairs = isinstance(step['scales'][0], (list, tuple))
        step['scales'] = [(size, size) if pairs else size]


def scenes(data: Path, pipeline: list) -> dict:
    """Return the data set of the scenes in a folder."""
    return dict(
        type='mmseg_wsss.ScenesDataset',
        data_root=str(data),
        data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClass'
        ),
        ann_file='ImageSets/Segmentation/train.txt',
        pipeline=pipeline,
    )


def train_briefly(cfg: Config) -> None:
    """Set two iterations without validation."""
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    for name in ('val', 'test'):
        for key in ('dataloader', 'cfg', 'evaluator'):
            cfg.pop(f'{name}_{key}', None)
    cfg.default_hooks = dict(
        checkpoint=dict(type='CheckpointHook', interval=-1, save_last=False)
    )
    cfg.visualizer = dict(type='SegLocalVisualizer', vis_backends=[])
    cfg.log_level = 'WARNING'
    cfg.randomness = dict(seed=0)
