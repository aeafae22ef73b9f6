"""A stage of a pipeline: one of our tools, run once on one config."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from . import references
from .kinds import BY_NAME, KINDS, Kind

_NAME = re.compile(r'[A-Za-z][\w-]*')
_SHARED = {'kind', 'config', 'options', 'inputs', 'method', 'when'}


@dataclass
class Stage:
    """What a pipeline's config says of a stage.

    Attributes:
        name: Its name, and that of its folder.
        kind: Which tool it runs, and what the tool reads and makes.
        config: Path of a config, or ``'{other.config}'``: that of another
            stage, with the options of that stage.
        options: Changes to the config, as ``--cfg-options`` has them.
        inputs: What it takes from others, by name: references or paths.
        method: The switch it belongs to.
        on: Whether that switch is on.
        settings: The fields of its kind.
    """

    name: str
    kind: Kind
    config: str
    options: dict[str, object]
    inputs: dict[str, str]
    method: str
    on: bool
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def outputs(self) -> dict[str, str]:
        """Where its results lie in its folder, by name."""
        extra = {'cams': 'cams'} if self.settings.get('save_scores') else {}
        return {**self.kind.outputs, **extra}

    def references(self) -> list[references.Reference]:
        """List what it takes from others, its config aside."""
        return list(references.find([self.inputs, self.options]))


def is_training(stage: Stage) -> bool:
    """Tell whether a stage trains a network."""
    return stage.kind.tool == 'train.py'


def read_stage(name: str, given: Mapping, use: Mapping[str, bool]) -> Stage:
    """Read a stage of a pipeline's config.

    Args:
        name: Its name.
        given: Its settings: ``config``; ``kind``, if the name does not tell;
            ``options``, ``inputs``; ``method``, the switch that it hangs on,
            its own name by default; ``when``, {switch: settings that take
            the place of others if it is on}; and the fields of its kind.
        use: The switches; one that is not there is on.

    Returns:
        Stage: The stage.

    Raises:
        ValueError: If a setting is unknown, missing or of the wrong type.
    """
    if not _NAME.fullmatch(name) or name == 'old':
        raise ValueError(
            f'a stage cannot be named {name!r}: it becomes a folder beside '
            "'old'; use letters, digits, _ and -"
        )
    if not isinstance(given, Mapping):
        raise ValueError(f'stage {name}: expected a dict, got {given!r}')
    known = given.get('kind', BY_NAME.get(name))
    if known not in KINDS:
        raise ValueError(
            f'stage {name}: '
            + (f'unknown kind {known!r}' if known else 'it has no kind')
            + f', set kind= to one of {", ".join(KINDS)}'
        )
    kind = KINDS[known]
    _check_dicts(name, given, ('options', 'inputs', 'when'))
    _check_dicts(f'{name}, when', given.get('when') or {})
    merged = _with_switches(name, dict(given), use)
    _check_dicts(name, merged, ('options', 'inputs'))
    unknown = set(merged) - _SHARED - set(kind.fields)
    if unknown:
        raise _unknown(name, 'setting', unknown, {*_SHARED, *kind.fields})
    if not isinstance(merged.get('config'), str):
        raise ValueError(
            f'stage {name}: set config= to the path of a config, or to '
            "'{other.config}' for the one of another stage"
        )
    inputs = dict(merged.get('inputs') or {})
    unknown = set(inputs) - set(kind.inputs)
    if unknown:
        raise _unknown(name, 'input', unknown, set(kind.inputs))
    missing = set(kind.needed) - set(inputs)
    if missing:
        raise ValueError(
            f'stage {name}: {kind.tool} needs inputs='
            f"dict({min(missing)}='{{stage.{min(missing)}}}')"
        )
    method = merged.get('method', name)
    settings = {k: merged.get(k, kind.fields[k]) for k in kind.fields}
    if settings.get('choose', 'last') not in ('last', 'best'):
        raise ValueError(
            f"stage {name}: choose is 'last' or 'best', got "
            f'{settings["choose"]!r}'
        )
    return Stage(
        name=name,
        kind=kind,
        config=merged['config'],
        options=dict(merged.get('options') or {}),
        inputs=inputs,
        method=method,
        on=bool(use.get(method, True)),
        settings=settings,
    )


def _check_dicts(
    where: str, given: Mapping, keys: Iterable[str] | None = None
) -> None:
    for key in given if keys is None else keys:
        value = given.get(key)
        if value is not None and not isinstance(value, Mapping):
            raise ValueError(
                f'stage {where}: {key} must be a dict, got {value!r}'
            )


def _with_switches(name: str, given: dict, use: Mapping[str, bool]) -> dict:
    """Put the settings of the switches that are on in their places."""
    merged = dict(given)
    for switch, settings in (given.get('when') or {}).items():
        if not use.get(switch, True):
            continue
        for key, value in settings.items():
            if key in ('kind', 'method', 'when'):
                raise ValueError(
                    f'stage {name}: when.{switch} cannot change its {key}'
                )
            if key in ('options', 'inputs'):
                value = {**(merged.get(key) or {}), **value}
            merged[key] = value
    return merged


def _unknown(
    name: str, what: str, found: set[str], known: set[str]
) -> ValueError:
    word = min(found)
    near = get_close_matches(word, known, 1)
    return ValueError(
        f'stage {name}: unknown {what} {word!r}'
        + (f', do you mean {near[0]!r}?' if near else '')
        + f' It can have {", ".join(sorted(known)) or "none"}'
    )
