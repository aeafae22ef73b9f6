"""What the tools read of a config: for their results, for figures only."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import NamedTuple

from ...compat import find_steps, is_type, type_name, walk_dicts
from ...jobs.test_dataset import without_masks
from .identity import config_parts
from .stage import Stage

# Settings of a loader that change only how fast it is.
_SPEED = (
    *('num_workers', 'persistent_workers', 'pin_memory'),
    *('prefetch_factor', 'timeout'),
)
# Options of a data set that say how its masks are read.
_MASKS = ('seg_map_suffix', 'reduce_zero_label')
# How often a training validates.
_WHEN = ('val_interval', 'val_begin', 'dynamic_intervals')
_VALIDATION = ('val_dataloader', 'val_cfg', 'val_evaluator')
# Hooks that change nothing but the log, and hooks that use no validation.
_LOG_HOOKS = ('IterTimerHook', 'LoggerHook', 'SegVisualizationHook')
_BLIND_HOOKS = (
    *('WeakSupervisionHook', 'EpochSeedHook', 'ChannelsLastHook'),
    *('ComplementHook', 'DenseCRFHook', 'EMAHook', 'SyncBuffersHook'),
    'CLIPLabelsHook',
)
_SAVING = ('interval', 'max_keep_ckpts')
_CHOOSING = ('save_best', 'rule', 'greater_keys', 'less_keys')


class Reads(NamedTuple):
    """Parts of a config that a stage reads.

    Attributes:
        result: Those that its result depends on.
        figures: Those that only its figures depend on.
    """

    result: dict[str, object]
    figures: dict[str, object]


def parts_read(cfg: Mapping, stage: Stage) -> Reads:
    """Return the parts of a config that a stage's tool reads.

    Args:
        cfg: Its complete config; it is not changed.
        stage: The stage.
    """
    tool, settings = stage.kind.tool, stage.settings
    keys = [*stage.kind.keys, *filter(None, [settings.get('pipeline')])]
    if tool == 'train.py':
        keys.append('model_wrapper_cfg')
    if tool == 'make_neighbours.py':
        keys.append('model.data_preprocessor')
    part = copy.deepcopy(config_parts(cfg, keys))
    for name, loader in part.items():
        if name.endswith('_dataloader') and isinstance(loader, dict):
            for option in _SPEED:
                loader.pop(option, None)
    if tool == 'train.py':
        return _training(part, settings['choose'])
    if 'tta' in settings and not settings['tta']:
        part.update(tta_model=None, tta_pipeline=None)
    if tool == 'analysis_tools/eval_cams.py':
        return Reads(part, {})
    if tool == 'test.py':
        if settings['tta']:
            _empty_pipelines(part)
        elif not loads_masks(part['test_dataloader']):
            _take_masks(part['test_dataloader'])
        return Reads(part, {})
    return _images(part, tool, settings)


def _images(part: dict, tool: str, settings: Mapping) -> Reads:
    """Split the parts of a tool that reads the images of the test loader."""
    if tool in ('make_cams.py', 'find_label_errors.py'):
        part['test_dataloader'].pop('sampler', None)
        if settings.get('tta'):
            _empty_pipelines(part)
        for node in walk_dicts(part):
            for key in ('pipeline', 'tta_pipeline'):
                if node.get(key):
                    node[key] = without_masks(node[key])
    else:
        # Only its list of images.
        dataset = (part['test_dataloader'] or {}).get('dataset')
        part['test_dataloader'] = dict(dataset=dataset)
        _empty_pipelines(part)
    if loads_masks([part['test_dataloader'], part.get('tta_pipeline')]):
        return Reads(part, {})
    masks = _take_masks(part['test_dataloader'])
    compares = tool in ('make_cams.py', 'make_pseudo_labels.py')
    return Reads(part, {'masks': masks} if compares and masks else {})


def _training(part: dict, choose: str) -> Reads:
    train_cfg = dict(part['train_cfg'] or {})
    hooks = part['default_hooks'] = {
        name: dict(hook) if isinstance(hook, dict) else hook
        for name, hook in (part['default_hooks'] or {}).items()
        if not any(is_type(hook or {}, kind) for kind in _LOG_HOOKS)
    }
    for hook in hooks.values():
        if is_type(hook or {}, 'CheckpointHook'):
            unread = _CHOOSING if choose == 'last' else ()
            if choose == 'best' or hook.get('save_last', True):
                unread += _SAVING
            for option in unread:
                hook.pop(option, None)
    if not loads_masks(part['train_dataloader']):
        _take_masks(part['train_dataloader'])
    if choose == 'best' or _uses_validation(part):
        return Reads(part, {})
    figures = {key: part.pop(key) for key in _VALIDATION}
    when = [train_cfg.pop(key, None) for key in _WHEN]
    part['train_cfg'] = train_cfg
    seeded = find_steps(part['custom_hooks'], 'EpochSeedHook')
    if not (seeded and 'max_epochs' in train_cfg):
        # The loader of a validation draws a random number.
        part['validates'] = [bool(figures['val_dataloader']), *when]
    return Reads(part, figures)


def _uses_validation(part: Mapping) -> bool:
    """Return whether a validation may change how a training proceeds."""
    schedule = walk_dicts(part['param_scheduler'])
    if any('Plateau' in type_name(step) for step in schedule):
        return True
    hooks = [*(part['custom_hooks'] or []), *part['default_hooks'].values()]
    known = ('ParamSchedulerHook', 'CheckpointHook', 'DistSamplerSeedHook')
    names = {type_name(hook or {}) for hook in hooks} - {''}
    return bool(names - {*known, *_BLIND_HOOKS, 'RuntimeInfoHook'})


def loads_masks(part: object) -> bool:
    """Return whether a part of a config may load masks.

    Transforms that begin with Load may, but for those of images, image
    labels and the folders of other tools.
    """
    others = ('LoadImage', 'LoadCAM', 'LoadPseudoLabel', 'LoadFeatures')
    return any(
        name.startswith('Load') and not name.startswith(others)
        for name in map(type_name, walk_dicts(part))
    )


def _take_masks(part: object) -> list[dict]:
    """Remove the settings of masks from data sets; return them."""
    taken = []
    for node in walk_dicts(part):
        prefix = node.get('data_prefix') or {}
        options = {key: node.pop(key) for key in _MASKS if key in node}
        if 'seg_map_path' in prefix:
            folder = prefix.pop('seg_map_path')
            names = {k: node.get(k) for k in ('data_root', 'ann_file')}
            masks = dict(names, data_prefix=dict(seg_map_path=folder))
            taken.append({**masks, **options})
    return taken


def _empty_pipelines(part: Mapping) -> None:
    for node in walk_dicts(part['test_dataloader']):
        if 'pipeline' in node:
            node['pipeline'] = None
