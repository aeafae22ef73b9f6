"""Which GPU is whose."""

from __future__ import annotations

import os

import torch


def own_gpu() -> str:
    """Name the GPU of this rank, as its launcher numbers the ranks.

    Returns:
        str: ``'cuda:K'`` with K below the number of GPUs; where there are
        more ranks than GPUs, several share one.
    """
    rank = int(os.environ.get('LOCAL_RANK', 0))
    return f'cuda:{rank % max(torch.cuda.device_count(), 1)}'
