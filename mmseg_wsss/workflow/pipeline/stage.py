"""A stage of a pipeline: one of our tools, run once on one config."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from .identity import Reference, find_references

_NAME = re.compile(r'[A-Za-z][\w-]*')
_SHARED = {'kind', 'config', 'options', 'inputs', 'method', 'when'}


@dataclass(frozen=True)
class Kind:
    """What a tool reads, and what it writes into its folder.

    Attributes:
        tool: Path in ``tools/``.
        keys: The parts of a config that it reads. A dot goes one dict down.
        inputs: Names of what a stage may read from others.
        outputs: Paths of the results in the stage's folder, by name; '' is
            the checkpoint.
        fields: Settings of such a stage and their defaults.
        needed: Inputs that the tool requires.
    """

    tool: str
    keys: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: dict[str, str]
    fields: dict[str, object] = field(default_factory=dict)
    needed: tuple[str, ...] = ()


_COMMON = ('custom_imports', 'default_scope')
_IMAGES = (*_COMMON, 'test_dataloader')
_TEST = (*_IMAGES, 'model', 'custom_hooks', 'tta_model', 'tta_pipeline')
_TRAIN = (
    *_COMMON,
    *('model', 'train_dataloader', 'train_cfg', 'optim_wrapper'),
    *('param_scheduler', 'auto_scale_lr', 'custom_hooks', 'default_hooks'),
    *('val_dataloader', 'val_cfg', 'val_evaluator', 'load_from'),
    *('randomness', 'runner_type', 'find_unused_parameters', 'sync_bn'),
)
_STEPS = ('cams', 'labels', 'features', 'centroids', 'checkpoint')
_CHECKPOINT = ('checkpoint',)

KINDS = {
    'train': Kind(
        'train.py',
        _TRAIN,
        ('start', 'labels', 'neighbours'),
        {'checkpoint': ''},
        {'choose': 'last', 'amp': False},
    ),
    'cams': Kind(
        'make_cams.py',
        _TEST,
        _CHECKPOINT,
        {'cams': 'cams', 'labels': 'labels'},
        {'tta': False},
        needed=_CHECKPOINT,
    ),
    'frozen_cams': Kind(  # of a network that is not trained
        'make_cams.py',
        (*_IMAGES, 'model', 'custom_hooks'),
        (),
        {'cams': 'cams', 'labels': 'labels'},
    ),
    'labels': Kind(
        'make_pseudo_labels.py',
        _IMAGES,
        _STEPS,
        {'labels': 'labels'},
        {'pipeline': 'refine_pipeline', 'save_scores': False},
    ),
    'features': Kind(
        'extract_features.py',
        (*_IMAGES, 'feature_extractor', 'feature_extraction'),
        _CHECKPOINT,
        {'features': 'features'},
        {'amp': False},
    ),
    'centroids': Kind(
        'make_centroids.py',
        (*_IMAGES, 'selection'),
        _STEPS,
        {'centroids': 'centroids.npz'},
        {'pipeline': 'centroid_pipeline'},
    ),
    'neighbours': Kind(
        'make_neighbours.py',
        (*_IMAGES, 'model.extractor', 'neighbour_pipeline'),
        (),
        {'neighbours': 'neighbours.npz'},
    ),
    'seeds': Kind(
        'analysis_tools/eval_cams.py',
        _IMAGES,
        ('cams',),
        {'curve': 'cam_eval.json'},
        needed=('cams',),
    ),
    'doubts': Kind(
        'find_label_errors.py',
        (*_IMAGES, 'model'),
        _CHECKPOINT,
        {'doubts': 'doubts.csv'},
    ),
    'evaluate': Kind(
        'test.py',
        (*_TEST, 'test_evaluator', 'test_cfg'),
        ('checkpoint', 'labels'),
        {'predictions': 'predictions'},
        {'tta': False},
        needed=_CHECKPOINT,
    ),
}
# The default kind of a stage, by its name.
_BY_NAME = {
    **dict.fromkeys(('classifier', 'affinity', 'segmentor', 'stego'), 'train'),
    **dict.fromkeys(('refine', 'confident', 'walk', 'debias'), 'labels'),
    **{name: name for name in KINDS},
}


@dataclass
class Stage:
    """What a pipeline's config says of a stage.

    Attributes:
        name: Its name, and that of its folder.
        kind: Which tool it runs, and what the tool reads and writes.
        config: Path of a config, its name in the pipeline's ``configs``, or
            ``'{other.config}'``: that of another stage, with its options.
        options: Changes to the config, as ``--cfg-options`` has them.
        inputs: What it reads from others, by name: references or paths.
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
        """Paths of its results in its folder, by name."""
        extra = {'cams': 'cams'} if self.settings.get('save_scores') else {}
        return {**self.kind.outputs, **extra}

    @property
    def is_training(self) -> bool:
        """Whether it trains a network."""
        return self.kind.tool == 'train.py'

    @property
    def references(self) -> list[Reference]:
        """What it reads from others, its config aside."""
        return list(find_references([self.inputs, self.options]))


def read_stage(name: str, given: Mapping, use: Mapping[str, bool]) -> Stage:
    """Read a stage of a pipeline's config.

    Args:
        name: Its name.
        given: Its settings, see ``configs/pipelines/README.md``.
        use: The switches; a missing one is on.

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
    known = given.get('kind', _BY_NAME.get(name))
    if known not in KINDS:
        found = f'unknown kind {known!r}' if known else 'it has no kind'
        raise ValueError(
            f'stage {name}: {found}, set kind= to one of {", ".join(KINDS)}'
        )
    kind = KINDS[known]
    _check_dicts(name, given, ('options', 'inputs', 'when'))
    when = given.get('when') or {}
    _check_dicts(f'{name}, when', when, when)
    merged = _with_switches(name, dict(given), use)
    _check_dicts(name, merged, ('options', 'inputs'))
    _check_names(name, 'setting', merged, {*_SHARED, *kind.fields})
    if not isinstance(merged.get('config'), str):
        raise ValueError(
            f"stage {name}: set config= to a path, or to '{{other.config}}' "
            'for the config of another stage'
        )
    inputs = dict(merged.get('inputs') or {})
    _check_names(name, 'input', inputs, set(kind.inputs))
    missing = set(kind.needed) - set(inputs)
    if missing:
        raise ValueError(
            f'stage {name}: {kind.tool} needs inputs='
            f"dict({min(missing)}='{{stage.{min(missing)}}}')"
        )
    settings = {k: merged.get(k, kind.fields[k]) for k in kind.fields}
    if settings.get('choose', 'last') not in ('last', 'best'):
        raise ValueError(f'stage {name}: set choose= to last or best')
    return Stage(
        name,
        kind,
        config=merged['config'],
        options=dict(merged.get('options') or {}),
        inputs=inputs,
        method=merged.get('method', name),
        on=bool(use.get(merged.get('method', name), True)),
        settings=settings,
    )


def _check_dicts(where: str, given: Mapping, keys: Iterable[str]) -> None:
    for key in keys:
        value = given.get(key)
        if value is not None and not isinstance(value, Mapping):
            raise ValueError(
                f'stage {where}: {key} must be a dict, got {value!r}'
            )


def _with_switches(name: str, given: dict, use: Mapping[str, bool]) -> dict:
    """Return the settings of a stage, with those of switches that are on."""
    merged = dict(given)
    for switch, settings in (given.get('when') or {}).items():
        if not all(use.get(one, True) for one in switch.split('+')):
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


def _check_names(
    stage: str, what: str, found: Iterable[str], known: set[str]
) -> None:
    unknown = set(found) - known
    if unknown:
        word = min(unknown)
        near = get_close_matches(word, known, 1)
        raise ValueError(
            f'stage {stage}: unknown {what} {word!r}'
            + (f', do you mean {near[0]!r}?' if near else '')
            + f' It can have {", ".join(sorted(known)) or "none"}'
        )
