"""The command of a stage: a tool, its arguments, and how it is launched."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device

from ...compat import walk_dicts
from .plan import ROOT
from .stage import Stage

# Fresh memory is dear on virtual machines: let glibc keep what it has.
ALLOCATOR = {
    'MALLOC_MMAP_MAX_': '0',
    'MALLOC_TRIM_THRESHOLD_': '100000000000',
    'MALLOC_TOP_PAD_': '268435456',
}


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
    """

    launcher: str = 'none'
    gpus: int = 1
    arguments: tuple[str, ...] = ()
    num_workers: int | None = None
    tools: Path = ROOT / 'tools'

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
        """Write a tool's command line."""
        python = [sys.executable]
        words = [str(self.tools / tool), *arguments]
        if self.launcher == 'none':
            return python + words
        words += ['--launcher', self.launcher]
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
    """Write the arguments of a stage's tool.

    Args:
        stage: The stage.
        config: Its whole config.
        folder: Its folder.
        inputs: The paths of what it takes from others, by name.
        num_workers: Worker processes, for the tools that ask for them.

    Returns:
        list[str]: The arguments, without those of the launcher.
    """
    tool, settings = stage.kind.tool, stage.settings
    words = [str(config)]
    if tool in ('make_cams.py', 'test.py'):
        words.append(inputs['checkpoint'])
    words += ['--work-dir', str(folder)]
    if tool == 'test.py':
        words += ['--out', str(folder / 'predictions')]
    elif tool == 'make_neighbours.py':
        words += ['--out', str(folder / 'neighbours.npz')]
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


# Tools that take the number of workers from the config.
_LOADERS = ('train.py', 'make_cams.py', 'test.py')


def set_workers(cfg: Config, num_workers: int | None) -> None:
    """Set the worker processes of a config's loaders, if a number is given."""
    if num_workers is None:
        return
    loaders = [cfg.get(f'{part}_dataloader') for part in _PARTS]
    for node in walk_dicts(loaders):
        if 'num_workers' in node:
            node['num_workers'] = num_workers
            if not num_workers:
                node['persistent_workers'] = False


_PARTS = ('train', 'val', 'test')


def environment() -> dict[str, str]:
    """Return the environment of the tools: on a CPU, with thrifty malloc."""
    path = [str(ROOT), os.environ.get('PYTHONPATH', '')]
    changes = {
        'PYTHONPATH': os.pathsep.join(filter(None, path)),
        'PYTHONUNBUFFERED': '1',
    }
    defaults = ALLOCATOR if get_device() == 'cpu' else {}
    return {**defaults, **os.environ, **changes}
