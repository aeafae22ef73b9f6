"""The command of a stage: its tool, arguments, inputs and launcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from ...compat import is_type, walk_dicts
from ...jobs.test_dataset import flatten
from .stage import Stage

# Where the configs lie, beside the tools: in a checkout, or in .mim.
ROOT = Path(__file__).resolve().parents[3]
# Tools that read the number of workers from the config.
_EVAL_CAMS = 'analysis_tools/eval_cams.py'
_LOADERS = ('train.py', 'make_cams.py', 'test.py', _EVAL_CAMS)
# Tools that have the checkpoint as an argument.
_CHECKPOINTS = ('make_cams.py', 'test.py', 'find_label_errors.py')
# Which option of which transform names each input.
_STEPS = {
    'cams': ('LoadCAM', 'cam_dir'),
    'checkpoint': ('RandomWalk', 'checkpoint'),
    'features': ('LoadFeatures', 'feature_dir'),
    'labels': ('LoadPseudoLabel', 'label_dir'),
    'centroids': ('MARSDebias', 'centroids'),
}
_LABELS_OF_TEST = ('AnchorMetric', 'label_dir')


@dataclass(frozen=True)
class Launch:
    """How the tools are started.

    Attributes:
        launcher: ``'none'``, ``'pytorch'`` (torchrun) or ``'slurm'`` (srun).
        gpus: Number of ranks; 1 without launcher.
        arguments: More arguments of torchrun or srun.
        num_workers: Worker processes of each rank; those of the configs if
            None.
        tools: Folder of the tools.
        split_batch: Whether all ranks of a training share the batch of its
            config; else each has one of that size.
    """

    launcher: str = 'none'
    gpus: int = 1
    arguments: tuple[str, ...] = ()
    num_workers: int | None = None
    tools: Path = ROOT / 'tools'
    split_batch: bool = False

    def __post_init__(self) -> None:
        if self.launcher not in ('none', 'pytorch', 'slurm'):
            raise ValueError(
                f'unknown launcher {self.launcher!r}: use none, pytorch or '
                'slurm'
            )
        if self.gpus < 1:
            raise ValueError(f'gpus must be at least 1, got {self.gpus}')
        if self.launcher == 'none' and (self.gpus > 1 or self.arguments):
            raise ValueError(
                'several GPUs and arguments of a launcher need --launcher '
                'pytorch or slurm'
            )

    def command(self, tool: str, arguments: list[str]) -> list[str]:
        """Return a tool's command line."""
        python = [sys.executable]
        words = [str(self.tools / tool), *arguments]
        if self.launcher == 'none':
            return python + words
        words += ['--launcher', self.launcher]
        if self.split_batch and tool == 'train.py':
            words.append('--split-batch')
        if self.launcher == 'slurm':
            start = ['srun', f'--ntasks={self.gpus}', '--kill-on-bad-exit=1']
            return [*start, *self.arguments, *python, '-u', *words]
        start = ['-m', 'torch.distributed.run']
        if not self.arguments:
            start.append('--standalone')
        start += [f'--nproc_per_node={self.gpus}', *self.arguments]
        return python + start + words


def stage_arguments(
    stage: Stage,
    config: Path,
    folder: Path,
    inputs: Mapping[str, str],
    num_workers: int | None = None,
) -> list[str]:
    """Return the arguments of a stage's tool.

    Args:
        stage: The stage.
        config: Its complete config.
        folder: Its folder.
        inputs: The paths of what it reads from others, by name.
        num_workers: Worker processes, for the tools with such an argument.

    Returns:
        list[str]: The arguments, without those of the launcher.
    """
    tool, settings = stage.kind.tool, stage.settings
    words = [str(config)]
    if tool in _CHECKPOINTS and 'checkpoint' in inputs:
        words.append(inputs['checkpoint'])
    elif tool == _EVAL_CAMS:
        words.append(inputs['cams'])
    words += ['--work-dir', str(folder)]
    if tool == 'test.py':
        words += ['--out', str(folder / 'predictions')]
    elif tool == 'make_neighbours.py':
        words += ['--out', str(folder / 'neighbours.npz')]
    elif tool == 'find_label_errors.py':
        words += ['--out', str(folder / 'doubts.csv')]
    elif tool != 'train.py':
        words += ['--out-dir', str(folder)]
    if 'pipeline' in settings:
        words += ['--pipeline', settings['pipeline']]
    for flag in ('tta', 'save_scores', 'amp'):
        if settings.get(flag):
            words.append(f'--{flag.replace("_", "-")}')
    if num_workers is not None and tool not in _LOADERS:
        words += ['--num-workers', str(num_workers)]
    return words


def prepare_config(
    cfg: Config, stage: Stage, num_workers: int | None = None
) -> None:
    """Change what a run of a stage needs in its config.

    Args:
        cfg: The config, changed in place. A training gets MMEngine's
            ``scalars.json``, which figures and curves are read from.
        stage: The stage.
        num_workers: Worker processes of its loaders, if given.
    """
    if stage.is_training:
        visualizer = cfg.get('visualizer') or dict(type='Visualizer')
        backends = visualizer.get('vis_backends') or []
        if not any(
            is_type(backend, 'LocalVisBackend') for backend in backends
        ):
            backends = [*backends, dict(type='LocalVisBackend')]
            cfg.visualizer = dict(visualizer, vis_backends=backends)
    parts = ('train', 'val', 'test')
    loaders = [cfg.get(f'{part}_dataloader') for part in parts]
    for node in walk_dicts(loaders):
        if 'num_workers' in node and num_workers is not None:
            node['num_workers'] = num_workers
            if not num_workers:
                node['persistent_workers'] = False


def environment() -> dict[str, str]:
    """Return the environment of the tools."""
    path = [str(ROOT), os.environ.get('PYTHONPATH', '')]
    return {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(filter(None, path)),
        'PYTHONUNBUFFERED': '1',
    }


def set_input(cfg: Config, stage: Stage, name: str, value: str) -> None:
    """Set an input of a stage in its config.

    Inputs that are arguments of the command have no place in the config.

    Args:
        cfg: The config, changed in place.
        stage: The stage.
        name: Name of the input.
        value: A path, or a reference that becomes one later.

    Raises:
        ValueError: If the config has no place for it.
    """
    place = (stage.kind.tool, name)
    if 'pipeline' in stage.settings:
        _set_in_list(
            cfg, stage.settings['pipeline'], _STEPS[name], name, value
        )
    elif place == ('train.py', 'labels'):
        _set_masks(cfg, value)
    elif place == ('test.py', 'labels'):
        _set_in_list(cfg, 'test_evaluator', _LABELS_OF_TEST, name, value)
    elif place == ('train.py', 'start'):
        cfg.load_from = value
    elif place == ('train.py', 'neighbours'):
        _set_neighbours(cfg, value)
    elif place == ('extract_features.py', 'checkpoint'):
        if 'feature_extractor' not in cfg:
            raise ValueError(
                'it is given a checkpoint, but its config has no '
                'feature_extractor'
            )
        cfg.feature_extractor['checkpoint'] = value


def _set_in_list(
    cfg: Config, key: str, place: tuple[str, str], name: str, value: str
) -> None:
    """Set an option of the steps of a type in a list of the config."""
    kind, option = place
    steps = cfg.get(key)
    if not isinstance(steps, list):
        raise ValueError(f'its config has no list {key}')
    found = [step for step in steps if is_type(step, kind)]
    if not found:
        raise ValueError(
            f'it is given {name}, but {key} has no {kind} to take them'
        )
    for step in found:
        step[option] = value


def _set_masks(cfg: Config, value: str) -> None:
    """Set the folder of masks of the training data set."""
    dataset = cfg.train_dataloader.dataset
    while 'data_prefix' not in dataset and 'dataset' in dataset:
        dataset = dataset.dataset
    steps = flatten(dataset.get('pipeline') or [])
    loads = any(is_type(step, 'LoadAnnotations') for step in steps)
    if 'data_prefix' not in dataset or not loads:
        raise ValueError(
            'it is given labels, but its config does not load any in '
            'training (LoadAnnotations)'
        )
    dataset.data_prefix['seg_map_path'] = value


def _set_neighbours(cfg: Config, value: str) -> None:
    loaders = [cfg.train_dataloader, cfg.get('val_dataloader')]
    pairs = [node for node in walk_dicts(loaders) if 'neighbours' in node]
    if not pairs:
        raise ValueError(
            'it is given neighbours, but its training data set is no '
            'NeighbourPairs'
        )
    for node in pairs:
        node['neighbours'] = value
