"""Start the ranks of a tool, with gloo where there is no GPU."""

from __future__ import annotations

import logging
import multiprocessing
import os
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

from ..compat import find_steps
from ..utils import allow_gpu_sharing

_LOCAL_RANK = {
    'pytorch': 'LOCAL_RANK',
    'slurm': 'SLURM_LOCALID',
    'mpi': 'OMPI_COMM_WORLD_LOCAL_RANK',
}


def check_local_device(launcher: str) -> None:
    """Check that this rank has a GPU, as NCCL needs one for each.

    Nothing is checked on a CPU, or after gloo has been started.

    Args:
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        ValueError: If there are fewer GPUs.
    """
    if launcher not in _LOCAL_RANK or get_device() != 'cuda':
        return
    if dist.is_initialized():
        return
    gpus = torch.cuda.device_count()
    rank = int(os.environ.get(_LOCAL_RANK[launcher], 0))
    if rank >= gpus:
        raise ValueError(
            f'there is no GPU for rank {rank} of this machine, which sees '
            f'{gpus}: start one rank per GPU at most, let each see all of '
            'them (slurm: --gres=gpu:N, not --gpus-per-task), or hide them '
            '(CUDA_VISIBLE_DEVICES=) and use the CPU'
        )


def prepare_launch(cfg: Config, launcher: str) -> None:
    """Prepare a config for a Runner with several ranks on a CPU.

    MMEngine starts its process group with NCCL on a CUDA device. On a CPU the
    group is started here with gloo, which the Runner then uses, the model
    wrapper gets no device ids, and SyncBN, which works on GPUs only, becomes
    BN. Otherwise nothing changes.

    Args:
        cfg: The Runner's config, changed in place.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``; on a
            CPU ``'none'`` or ``'pytorch'``.

    Raises:
        ValueError: If the launcher is unknown or does not work here, or its
            environment variables are not set.
    """
    if launcher == 'none':
        return
    if launcher not in _LOCAL_RANK:
        raise ValueError(
            f'unknown launcher {launcher!r}: use none, '
            f'{", ".join(_LOCAL_RANK)}'
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
    synced = find_steps(cfg.get('model'), 'SyncBN')
    for norm in synced:  # DistributedDataParallel refuses it on a CPU
        norm['type'] = 'BN'
    if synced:
        print_log(
            'No accelerator: SyncBN was replaced by BN.',
            logger='current',
            level=logging.WARNING,
        )


def start_ranks(cfg: Config) -> None:
    """Start the process group of a config before its Runner is built.

    The Runner does not start it again. Without launcher, and where
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
    """Start the default process group with gloo, unless it is started.

    For tools that share work between ranks without a Runner. With torchrun
    it works on a CPU too, and ranks may share a GPU.

    Args:
        launcher: ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        timeout: Seconds that a collective may take; torch's default if None.

    Raises:
        ValueError: If the launcher's environment variables are not set, or
            it needs a GPU that is not there.
    """
    if dist.is_initialized():
        return
    options = {} if timeout is None else {'timeout': timeout}
    if launcher != 'pytorch':
        if get_device() == 'cpu':
            raise ValueError(
                f'launcher {launcher!r} needs GPUs: on a CPU start the tool '
                'with torchrun and --launcher pytorch'
            )
        check_local_device(launcher)
        set_multi_processing(distributed=True)
        init_dist(launcher, backend='gloo', **options)
        return
    names = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR')
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ValueError(
            f"launcher 'pytorch' needs the environment variables "
            f'{", ".join(missing)}. Start the tool with torchrun, or use '
            '--launcher none.'
        )
    os.environ.setdefault('MASTER_PORT', '29500')
    allow_gpu_sharing()
    if options:
        options['timeout'] = timedelta(seconds=timeout)
    dist.init_process_group('gloo', **options)


def exit_process(code: int = 0) -> NoReturn:
    """Exit a tool's process.

    With gloo it waits for the other ranks and exits by ``os._exit``: threads
    of gloo can abort a process that exits normally ("terminate called without
    an active exception"), which makes the whole run fail.

    Args:
        code: The exit code, 0 for success.
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
