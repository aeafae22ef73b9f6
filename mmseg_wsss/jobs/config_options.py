"""Options that override a config, checked to be read by something."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from mmengine.config import Config

# Parts of a config that MMEngine's Runner reads.
RUNNER_KEYS = frozenset(
    (
        *('activation_checkpointing', 'auto_scale_lr', 'compile'),
        *('custom_hooks', 'custom_imports', 'data_preprocessor'),
        *('default_hooks', 'default_scope', 'efficient_conv_bn_eval'),
        *('env_cfg', 'experiment_name', 'find_unused_parameters', 'launcher'),
        *('load_from', 'log_level', 'log_processor', 'model'),
        *('model_wrapper_cfg', 'optim_wrapper', 'param_scheduler'),
        *('randomness', 'resume', 'runner_type', 'sync_bn', 'test_cfg'),
        *('test_dataloader', 'test_evaluator', 'train_cfg'),
        *('train_dataloader', 'val_cfg', 'val_dataloader', 'val_evaluator'),
        *('visualizer', 'work_dir'),
    )
)
# Parts that our tools read beside them. data_root moves the other paths.
TOOL_KEYS = frozenset(
    (
        *('clip_texts', 'data_root', 'feature_extraction'),
        'feature_extractor',
        *('neighbour_file', 'neighbour_pipeline', 'selection', 'tta_model'),
        *('tta_pipeline',),
    )
)
# Names of lists that configs copy into their loaders.
_COPIED = {'train_pipeline', 'val_pipeline', 'test_pipeline'}


def tool_keys(cfg: Config, pipeline: str | None = None) -> set[str]:
    """Return the parts of a config that some tool reads.

    Args:
        cfg: The config.
        pipeline: The list of transforms that the command names, if any.
    """
    lists = {k for k in cfg if k.endswith('_pipeline')} - _COPIED
    return {*RUNNER_KEYS, *TOOL_KEYS, *lists, *filter(None, [pipeline])}


def merge_options(cfg: Config, options: Mapping[str, object]) -> None:
    """Write options into a config, one by one.

    So keys with dots and nested dicts add up.

    Args:
        cfg: The config, which is changed.
        options: Values by dotted key. They are not changed.

    Raises:
        ValueError: If one goes into a list, a number, ... that has no such
            part.
    """
    for option, value in options.items():
        try:
            cfg.merge_from_dict({option: copy.deepcopy(value)})
        except (KeyError, TypeError) as error:
            reason = error.args[0] if error.args else error
            raise ValueError(
                f'the option {option} has no place in the config: {reason}. '
                'Entries of lists have numbers from 0, as '
                'model.decode_head.loss_decode.0.loss_weight=1; a whole list '
                'can be given too'
            ) from error


def check_options(
    cfg: Config, options: Mapping[str, object], known: Collection[str]
) -> None:
    """Check that each option changes a part of a config that is read.

    A config that imports modules of the user's may be read by them: then
    nothing is checked.

    Args:
        cfg: The config, without the options.
        options: Values by dotted key, as ``--cfg-options`` has them.
        known: The parts that are read.

    Raises:
        ValueError: If one is not; it names the key that is meant, if it can
            be found.
    """
    modules = (cfg.get('custom_imports') or {}).get('imports') or []
    modules = [modules] if isinstance(modules, str) else modules
    if any(name.partition('.')[0] != 'mmseg_wsss' for name in modules):
        return
    for option, value in options.items():
        while isinstance(value, Mapping) and len(value) == 1:
            ((key, value),) = value.items()
            option = f'{option}.{key}'
        name, dot, rest = option.partition('.')
        if name in known:
            continue
        near = get_close_matches(name, known, 1, cutoff=0.75)
        meant = [f'{near[0]}{dot}{rest}'] if near else []
        parts = {key: cfg.get(key) for key in sorted(known)}
        if not dot:
            meant = [*_places(parts, name)][:3] or meant
        reason = (
            'the config has used its value already when the option comes'
            if name in cfg
            else 'the config has no such part'
        )
        raise ValueError(
            f'nothing reads the option {option}: {reason}. '
            + (
                f'Do you mean {" or ".join(meant)}?'
                if meant
                else 'Change it in the config, or set the part that is read'
            )
        )


def _places(node: object, name: str, path: str = '') -> Iterator[str]:
    """Yield the dotted keys that end with a name, those of lists left out."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        place = f'{path}.{key}' if path else str(key)
        if path and (key == name or str(key).endswith(f'_{name}')):
            yield place
        yield from _places(value, name, place)
