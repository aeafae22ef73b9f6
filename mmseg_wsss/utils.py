"""Small functions for all packages: devices, options, precision."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
from torch import Tensor


def local_device() -> str:
    """Return the GPU of this rank, by the launcher's local rank.

    Returns:
        str: ``'cuda:K'`` with K below the number of GPUs; where there are
        more ranks than GPUs, several share one.
    """
    rank = int(os.environ.get('LOCAL_RANK', 0))
    return f'cuda:{rank % max(torch.cuda.device_count(), 1)}'


def allow_gpu_sharing() -> None:
    """Allow more ranks than GPUs.

    MMEngine's logger looks up the GPU that the environment variable
    ``LOCAL_RANK`` numbers, and fails where there are fewer. The other ranks
    get the number of a GPU that exists, the one of :func:`local_device`.
    """
    count = torch.cuda.device_count()
    if count and torch.cuda.is_available():
        rank = int(os.environ.get('LOCAL_RANK', 0))
        os.environ['LOCAL_RANK'] = str(rank % count)


def check_option(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise a ValueError that lists the choices, unless value is one."""
    if value not in allowed:
        raise ValueError(f'{name} must be one of {allowed}, got {value!r}')


def at_least_float32(tensor: Tensor) -> Tensor:
    """Return the tensor in float64 if it is that, else in float32."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def is_compiling() -> bool:
    """Return whether ``torch.compile`` is tracing; False before torch 2.3."""
    return getattr(torch.compiler, 'is_compiling', bool)()
