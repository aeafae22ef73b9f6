"""The settings of a pipeline's stages in words, as a paper lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...compat import find_steps, is_type, type_name
from ...jobs.test_dataset import flatten
from .plan import Plan
from .stage import Stage

# Steps of a training pipeline that the settings name by themselves.
_NAMED = ('LoadImageFromFile', 'LoadAnnotations', 'LoadImageLabels')
_NAMED += ('RandomCrop', 'CenterCrop', 'RandomResizedCrop', 'RandomResize')
_NAMED += ('ResizeShortestEdge', 'PackSegInputs', 'PackWSSSInputs')
# Options of a refinement's steps that are files.
_FILES = ('ann_file', 'cam_dir', 'label_dir', 'feature_dir', 'checkpoint')
_FILES += ('centroids', 'type')
# Options of losses that are shown otherwise, or of cross-entropy always alike.
_LOSS = ('type', 'loss_weight', 'avg_non_ignore')


def stage_recipe(plan: Plan, stage: Stage) -> dict[str, str]:
    """Return the settings of a stage by name, in words.

    Args:
        plan: The pipeline.
        stage: A stage of it that is on.

    Returns:
        dict[str, str]: For a training ``network``, ``start``, ``crop``,
        ``scale``, ``augmentation``, ``loss``, ``schedule``, ``rates``,
        ``images`` and ``labels``; for the others what they have of
        ``images``, ``test``, ``steps`` and ``metrics``.
    """
    cfg = plan.configs[stage.name]
    if stage.is_training:
        return _training(cfg, stage)
    dataset = cfg.test_dataloader.dataset
    found = {'images': Path(dataset.ann_file).stem}
    if 'tta' in stage.settings:
        found['test'] = _test(cfg, stage)
    if 'pipeline' in stage.settings:
        found['steps'] = ', '.join(_steps(cfg[stage.settings['pipeline']]))
    if stage.kind.tool == 'analysis_tools/eval_cams.py':
        found['test'] = 'best of 60 thresholds'
    if stage.kind.tool == 'test.py':
        names = (type_name(metric) for metric in cfg.test_evaluator)
        found['metrics'] = ', '.join(names)
    return found


def _training(cfg: Mapping, stage: Stage) -> dict[str, str]:
    model, loader = cfg['model'], cfg['train_dataloader']
    dataset = loader['dataset']
    steps = []
    while 'dataset' in dataset:
        steps = [*(dataset.get('pipeline') or []), *steps]
        dataset = dataset['dataset']
    steps = [*flatten(dataset['pipeline']), *steps]
    found = {
        'network': _network(model),
        'start': _start(cfg, stage),
        'crop': ', '.join(filter(None, map(_crop, steps))),
        'scale': ', '.join(filter(None, map(_scale, steps))),
        'augmentation': ', '.join(
            type_name(step) for step in steps if type_name(step) not in _NAMED
        ),
        'loss': _losses(model),
        'schedule': _schedule(cfg),
        'rates': _rates(cfg['optim_wrapper']),
        'images': Path(dataset['ann_file']).stem,
    }
    if stage.inputs.get('labels'):
        found['labels'] = stage.inputs['labels'].strip('{}')
    hooks = {type_name(h): h for h in cfg.get('custom_hooks') or []}
    if hooks.get('WeakSupervisionHook', {}).get('allow_masks'):
        found['labels'] = (
            f'true masks, {dataset["data_prefix"]["seg_map_path"]}'
        )
    if 'ComplementHook' in hooks:
        found['labels'] = f'{found.get("labels", "")}, completed by a teacher'
    if 'CLIPLabelsHook' in hooks:
        found['labels'] = 'made while training'
    return found


def _network(model: Mapping) -> str:
    if 'backbone' not in model:
        extractor = model.get('extractor') or {}
        return f'{type_name(model)} on {extractor.get("model_name", "")}'
    backbone = model['backbone']
    words = type_name(backbone)
    if 'depth' in backbone:
        words += f'-{backbone["depth"]}'
    elif 'arch' in backbone:
        words += f' {backbone["arch"]}'
    stride = backbone.get('output_stride')
    if stride is None and 'strides' in backbone and 'depth' in backbone:
        stride = 4
        for step in backbone['strides']:
            stride *= step
    words += f' at stride {stride}' if stride else ''
    frozen = backbone.get('frozen_stages', -1)
    words += f', frozen_stages={frozen}' if frozen > 0 else ''
    heads = ('decode_head', 'auxiliary_head')
    names = [type_name(model[key]) for key in heads if model.get(key)]
    return ', '.join([words, *names])


def _start(cfg: Mapping, stage: Stage) -> str:
    """Return where the weights come from."""
    if stage.inputs.get('start'):
        return stage.inputs['start'].strip('{}')
    model = cfg['model']
    given = model.get('pretrained')
    if given is None:
        backbone = model.get('backbone') or {}
        init = backbone.get('init_cfg') or {}
        tower = backbone.get('tower') or {}
        given = init.get('checkpoint') or tower.get('model_name')
    return str(given).rpartition('/')[2].strip('{}') if given else 'random'


def _crop(step: Mapping) -> str | None:
    size = step.get('crop_size')
    if is_type(step, 'RandomResizedCrop'):
        size = step['scale']
    if is_type(step, 'Resize') and step.get('keep_ratio') is False:
        return f'{step["scale"][0]} x {step["scale"][1]}, squashed'
    return f'{size[0]} x {size[1]}' if size else None


def _scale(step: Mapping) -> str | None:
    if is_type(step, 'RandomResize'):
        low, high = step['ratio_range']
        side = max(step['scale'])
        return f'long side {low * side:.0f} to {high * side:.0f}'
    if is_type(step, 'ResizeShortestEdge'):
        return f'short side {step["scale"]}'
    return None


def _losses(model: Mapping) -> str:
    head = model.get('decode_head') or model
    losses = head.get('loss_decode') or head.get('loss') or {}
    losses = losses if isinstance(losses, list) else [losses]
    words = []
    for loss in losses:
        weight = loss.get('loss_weight', 1)
        word = _with_options(loss, _LOSS).removesuffix('()')
        words.append(word + (f' x {weight:g}' if weight != 1 else ''))
    sampler = head.get('sampler')
    return ' + '.join(words) + (f', {type_name(sampler)}' if sampler else '')


def _schedule(cfg: Mapping) -> str:
    train, loader = cfg['train_cfg'], cfg['train_dataloader']
    optimizer = cfg['optim_wrapper']['optimizer']
    length = (
        f'{train["max_iters"]} iterations'
        if 'max_iters' in train
        else f'{train["max_epochs"]} epochs'
    )
    words = [
        length,
        f'batch {loader["batch_size"]} a GPU',
        type_name(optimizer),
    ]
    if 'momentum' in optimizer:
        words[-1] += f' {optimizer["momentum"]:g}'
    words.append(f'decay {optimizer.get("weight_decay", 0):g}')
    schedulers = cfg.get('param_scheduler') or []
    schedulers = schedulers if isinstance(schedulers, list) else [schedulers]
    for step in schedulers:
        power = step.get('power')
        words.append(type_name(step) + (f' {power:g}' if power else ''))
    return ', '.join(words)


def _rates(wrapper: Mapping) -> str:
    words = [f'{wrapper["optimizer"]["lr"]:g}']
    paramwise = wrapper.get('paramwise_cfg') or {}
    for key, group in (paramwise.get('custom_keys') or {}).items():
        change = f'x{group.get("lr_mult", 1):g}'
        if group.get('decay_mult', 1) == 0:
            change += ' no decay'
        words.append(f'{key} {change}')
    for key in ('norm_decay_mult', 'bias_decay_mult'):
        if key in paramwise:
            words.append(f'{key} {paramwise[key]:g}')
    return ', '.join(words)


def _test(cfg: Mapping, stage: Stage) -> str:
    """Return scales, flips, fusion and DenseCRF."""
    crf = []
    for hook in find_steps(cfg.get('custom_hooks') or [], 'DenseCRFHook'):
        crf.append(f'CRF {hook["params"]}')
        if 'min_score' in hook:
            crf.append(f'classes above {hook["min_score"]}')
    if not stage.settings['tta']:
        windows = (cfg['model'].get('test_cfg') or {}).get('mode') == 'slide'
        return ', '.join(['one scale', *['windows'] * windows, *crf])
    steps = list(flatten(cfg['tta_pipeline']))
    scales = [f'{s["scale_factor"]:g}' for s in steps if 'scale_factor' in s]
    sides = [str(max(step['scale'])) for step in steps if 'scale' in step]
    words = ['scales', *scales] if scales else ['long sides', *sides]
    words = [' '.join(words)]
    words += ['flips'] if find_steps(steps, 'RandomFlip') else []
    tta = cfg['tta_model']
    words.append(tta.get('fusion', type_name(tta)))
    return ', '.join([*words, *crf])


def _steps(pipeline: list) -> Iterator[str]:
    """Yield a refinement's steps with their options."""
    for step in pipeline:
        if type_name(step).startswith('Load'):
            continue
        yield _with_options(step, _FILES)


def _with_options(node: Mapping, hidden: tuple[str, ...]) -> str:
    options = (f'{k}={v}' for k, v in node.items() if k not in hidden)
    return f'{type_name(node)}({", ".join(options)})'
