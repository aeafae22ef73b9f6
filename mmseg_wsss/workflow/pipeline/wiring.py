"""Putting what a stage takes from others into its config."""

from __future__ import annotations

from collections.abc import Callable

from mmengine.config import Config

from ...compat import walk_dicts
from ...jobs.test_dataset import flatten

# Which option of which transform names each input.
_STEPS = {
    'cams': ('LoadCAM', 'cam_dir'),
    'checkpoint': ('RandomWalk', 'checkpoint'),
    'features': ('LoadFeatures', 'feature_dir'),
    'labels': ('LoadPseudoLabel', 'label_dir'),
    'centroids': ('MARSDebias', 'centroids'),
}


def put_in(
    cfg: Config, tool: str, settings: dict, name: str, value: str
) -> None:
    """Set an input of a stage in its config.

    Args:
        cfg: The config, changed in place.
        tool: The stage's tool.
        settings: The fields of its kind.
        name: Name of the input.
        value: A path, or a reference that becomes one later.

    Raises:
        ValueError: If the config has no place for it.
    """
    if 'pipeline' in settings:
        _into_steps(cfg, settings['pipeline'], name, value)
    elif tool in _PLACES and name in _PLACES[tool]:
        _PLACES[tool][name](cfg, value)
    # The others are arguments of the command.


def _into_steps(cfg: Config, pipeline: str, name: str, value: str) -> None:
    """Set an option of the transforms that take this input."""
    kind, option = _STEPS[name]
    steps = cfg.get(pipeline)
    if not isinstance(steps, list):
        raise ValueError(f'its config has no list {pipeline}')
    found = [s for s in steps if _is(s, kind)]
    if not found:
        raise ValueError(
            f'it is given {name}, but {pipeline} has no {kind} to take them'
        )
    for step in found:
        step[option] = value


def _masks(cfg: Config, value: str) -> None:
    """Let the training data set take its masks from a folder."""
    dataset = cfg.train_dataloader.dataset
    while 'data_prefix' not in dataset and 'dataset' in dataset:
        dataset = dataset.dataset
    steps = dataset.get('pipeline') or []
    if 'data_prefix' not in dataset or not any(
        _is(step, 'LoadAnnotations') for step in flatten(steps)
    ):
        raise ValueError(
            'it is given labels, but its config does not load any in '
            'training (LoadAnnotations)'
        )
    dataset.data_prefix['seg_map_path'] = value


def _start(cfg: Config, value: str) -> None:
    cfg.load_from = value


def _neighbours(cfg: Config, value: str) -> None:
    """Tell the data sets of pairs which images are neighbours."""
    loaders = [cfg.train_dataloader, cfg.get('val_dataloader')]
    pairs = [node for node in walk_dicts(loaders) if 'neighbours' in node]
    if not pairs:
        raise ValueError(
            'it is given neighbours, but its training data set is no '
            'NeighbourPairs'
        )
    for node in pairs:
        node['neighbours'] = value


def _extractor(cfg: Config, value: str) -> None:
    if 'feature_extractor' not in cfg:
        raise ValueError(
            'it is given a checkpoint, but its config has no feature_extractor'
        )
    cfg.feature_extractor['checkpoint'] = value


def _is(step: dict, kind: str) -> bool:
    return step['type'].rpartition('.')[2] == kind


_PLACES: dict[str, dict[str, Callable[[Config, str], None]]] = {
    'train.py': {
        'labels': _masks,
        'start': _start,
        'neighbours': _neighbours,
    },
    'extract_features.py': {'checkpoint': _extractor},
}
