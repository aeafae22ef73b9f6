"""Starting ranks where there is no accelerator."""

from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import sys
from datetime import timedelta
from typing import NoReturn

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import init_dist
from mmengine.logging import print_log
from mmengine.utils.dl_utils import set_multi_processing

from ..compat import walk_dicts
from ..utils import allow_gpu_sharing

_RANK_VARIABLES = {
    'pytorch': ('RANK', 'LOCAL_RANK', 'WORLD_SIZE'),
    'slurm': ('SLURM_PROCID', 'SLURM_LOCALID', 'SLURM_NTASKS'),
    'mpi': (
        'OMPI_COMM_WORLD_RANK',
        'OMPI_COMM_WORLD_LOCAL_RANK',
        'OMPI_COMM_WORLD_SIZE',
    ),
}


def check_local_device(launcher: str) -> None:
    """Refuse a rank whose GPU is not there, as NCCL needs one for each.

    Nothing to do without GPUs, and where gloo was started already.

    Args:
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        ValueError: If there are fewer GPUs.
    """
    if launcher not in _RANK_VARIABLES or get_device() != 'cuda':
        return
    if dist.is_initialized():
        return
    gpus = torch.cuda.device_count()
    rank = int(os.environ.get(_RANK_VARIABLES[launcher][1], 0))
    if rank >= gpus:
        raise ValueError(
            f'there is no GPU for rank {rank} of this machine, which sees '
            f'{gpus}: start one rank per GPU at most, let each see all of '
            'them (slurm: --gres=gpu:N, not --gpus-per-task), or hide them '
            '(CUDA_VISIBLE_DEVICES=) and use the CPU'
        )


def prepare_launch(cfg: Config, launcher: str) -> None:
    """Let a Runner use several ranks on a machine without accelerator.

    MMEngine starts its process group with NCCL and sets a CUDA device. Where
    there is none, the group is started here with gloo (the Runner then leaves
    it alone), the model wrapper gets no device ids, and SyncBN, which exists
    on GPUs only, becomes BN. Otherwise nothing changes.

    Args:
        cfg: The Runner's config, changed in place.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        ValueError: If the launcher is unknown, or its environment variables
            are not set.
    """
    if launcher == 'none':
        return
    if launcher not in _RANK_VARIABLES:
        raise ValueError(
            f'unknown launcher {launcher!r}: use none, '
            f'{", ".join(_RANK_VARIABLES)}'
        )
    if get_device() != 'cpu':
        return
    env_cfg = cfg.setdefault('env_cfg', {})
    dist_cfg = env_cfg.setdefault('dist_cfg', {})
    dist_cfg['backend'] = 'gloo'
    start_gloo(launcher, dist_cfg.get('timeout'))

    wrapper = cfg.get('model_wrapper_cfg') or {
        'type': 'MMDistributedDataParallel',
        'broadcast_buffers': False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    cfg.model_wrapper_cfg = dict(wrapper, device_ids=None)

    cfg.pop('sync_bn', None)
    synced = [
        n for n in walk_dicts(cfg.get('model')) if n.get('type') == 'SyncBN'
    ]
    for node in synced:
        node['type'] = 'BN'
    if synced:
        print_log(
            'No accelerator: SyncBN was replaced by BN.',
            logger='current',
            level=logging.WARNING,
        )


def start_ranks(cfg: Config) -> None:
    """Start the process group as the Runner of a config would, but now.

    The Runner then leaves it alone. Without launcher, and where
    :func:`prepare_launch` has started it, nothing happens.

    Args:
        cfg: The Runner's config, after :func:`prepare_launch`.
    """
    if cfg.launcher == 'none' or dist.is_initialized():
        return
    env_cfg = cfg.get('env_cfg', {})
    set_multi_processing(**env_cfg.get('mp_cfg', {}), distributed=True)
    init_dist(cfg.launcher, **env_cfg.get('dist_cfg', {}))


def start_gloo(launcher: str, timeout: float | None = None) -> None:
    """Start the default process group with gloo; once started, do nothing.

    For tools that share work between ranks without a Runner. Ranks may share
    a GPU.

    Args:
        launcher: ``'pytorch'``, ``'slurm'`` or ``'mpi'``; it tells which
            environment variables hold the rank.
        timeout: Seconds a collective may take; torch's default if None.

    Raises:
        ValueError: If the launcher's environment variables are not set.
    """
    if dist.is_initialized():
        return
    names = _RANK_VARIABLES[launcher]
    if launcher == 'slurm' and 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host()
    missing = [n for n in (*names, 'MASTER_ADDR') if n not in os.environ]
    if missing:
        raise ValueError(
            f'launcher {launcher!r} needs the environment variables '
            f'{", ".join(missing)}. Start the tool with torchrun '
            '(--launcher pytorch), srun or mpirun, or use --launcher none.'
        )
    for name, source in zip(_RANK_VARIABLES['pytorch'], names, strict=True):
        os.environ[name] = os.environ[source]
    os.environ.setdefault('MASTER_PORT', '29500')
    allow_gpu_sharing()
    options = {} if timeout is None else {'timeout': timedelta(0, timeout)}
    dist.init_process_group('gloo', **options)


def leave(code: int = 0) -> NoReturn:
    """End a tool's process.

    With gloo it waits for the other ranks and leaves without tearing the
    interpreter down: gloo's threads can abort a process that ends as usual
    ("terminate called without an active exception"), whether or not its
    group is destroyed first, and the whole run then counts as failed.

    Args:
        code: The exit code, 0 if all is well.
    """
    if dist.is_initialized() and dist.get_backend() == 'gloo':
        dist.barrier()
        for child in multiprocessing.active_children():
            child.terminate()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _first_slurm_host() -> str:
    """Ask slurm for the first host of this job."""
    nodes = os.environ.get('SLURM_NODELIST', '')
    command = ['scontrol', 'show', 'hostnames', nodes]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(
            f'launcher "slurm" cannot find the first host of {nodes!r} '
            f'({error}). Set MASTER_ADDR to its name.'
        ) from error
    return result.stdout.split()[0]
