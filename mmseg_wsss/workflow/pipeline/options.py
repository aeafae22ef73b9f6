"""Options of a pipeline and its stages, checked to be read by something."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from mmengine.config import Config

from ...jobs.config_options import RUNNER_KEYS, check_options, tool_keys
from .stage import KINDS, Stage

# What read_plan reads of a pipeline's config.
_PARTS = (
    *('stages', 'use', 'options', 'configs'),
    *('name', 'work_dir', 'prepare'),
)

# Parts that only some kinds of stages read; the others count for any.
_ANY_TOOL = RUNNER_KEYS - {key for k in KINDS.values() for key in k.keys}


def check_pipeline_options(cfg: Config, options: Mapping[str, object]) -> None:
    """Check that a pipeline reads each option of the command line.

    Args:
        cfg: The pipeline's config, without the options.
        options: Values by dotted key.

    Raises:
        ValueError: If one is not read; it names the key that is meant.
    """
    stages = cfg.get('stages') or {}
    new = {
        name.split('.')[1]
        for name, value in options.items()
        if name.startswith('stages.')
        and (name.endswith('.config') or isinstance(value, Mapping))
    }
    known = {*stages, *new}
    for option in options:
        name, dot, rest = option.partition('.')
        stage, _, setting = rest.partition('.')
        if name == 'stages' and stage and stage not in known:
            near = get_close_matches(stage, known, 1)
            raise ValueError(
                f'nothing reads the option {option}: there is no stage '
                f'{stage}. '
                + (
                    f'Do you mean stages.{near[0]}.{setting}?'
                    if near
                    else f'There are {", ".join(stages)}'
                )
            )
        if name in _PARTS:
            continue
        near = get_close_matches(name, _PARTS, 1, cutoff=0.75)
        if near:
            meant = f'Do you mean {near[0]}{dot}{rest}?'
        elif name in stages:
            meant = f'Do you mean stages.{option}?'
        elif name in tool_keys(cfg):
            meant = (
                f'Do you mean options.{option}, for all stages, or '
                f'stages.STAGE.options.{option}?'
            )
        else:
            meant = (
                'Settings of the stages are options.KEY, for all stages, and '
                'stages.STAGE.options.KEY, such as train_cfg.max_epochs'
            )
        raise ValueError(
            f'nothing reads the option {option}: a pipeline has '
            f'{", ".join(_PARTS)}. {meant}'
        )


def check_stage_options(
    cfg: Config,
    options: Mapping[str, object],
    own: Mapping[str, object],
    readers: Sequence[Stage],
) -> None:
    """Check that the tools of some stages read the options of a config.

    Args:
        cfg: The config, without the options.
        options: Values by dotted key, those for all stages included.
        own: Those of the stage alone.
        readers: The stage and those that take its config.

    Raises:
        ValueError: If nothing reads one.
    """
    lists = {
        stage.settings['pipeline']
        for stage in readers
        if stage.settings.get('pipeline')
    }
    check_options(cfg, options, tool_keys(cfg) | lists)
    parts = {key.partition('.')[0] for s in readers for key in s.kind.keys}
    check_options(cfg, own, {'data_root', *_ANY_TOOL, *lists, *parts})


def check_config_names(
    options: Mapping, configs: Mapping, given: Mapping
) -> None:
    """Check that a stage names each entry of ``configs`` that is changed."""
    named = {
        part.get('config')
        for stage in given.values()
        for part in (stage, *(stage.get('when') or {}).values())
    }
    known = sorted(named & configs.keys() - {None})
    for option, _ in _flat(options):
        part, _, name = option.partition('.')
        if part == 'configs' and name not in named:
            near = get_close_matches(name, known, 1)
            raise ValueError(
                f'{option}: no stage names it'
                + (f', do you mean configs.{near[0]}?' if near else '.')
                + f' There are {", ".join(known)}'
            )


def changed_options(
    cfg: Config,
    shipped: Config,
    options: Mapping[str, object],
    named: Collection[str],
) -> dict[str, object]:
    """Return the settings that a run has otherwise, by dotted key.

    Args:
        cfg: The pipeline's config.
        shipped: The same without options.
        options: Values by dotted key, or nested.
        named: Entries of ``configs`` that stages which are on name.
    """
    changed = {
        f'{part}.{key}': value
        for part, keys in (('use', cfg.get('use')), ('configs', named))
        for key, value in (cfg.get(part) or {}).items()
        if key in keys and (shipped.get(part) or {}).get(key) != value
    }
    others = ('stages.', 'options.')
    given = dict(_flat(options))
    return {**changed, **{k: given[k] for k in given if k.startswith(others)}}


def _flat(options: Mapping, prefix: str = '') -> Iterator[tuple[str, object]]:
    """Yield the values of nested dicts by dotted key."""
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value
