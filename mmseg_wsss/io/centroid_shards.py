"""Centroids of all images, before the selection (MARS): ``NNNNNN.npz``.

A shard holds the centroids of some hundred consecutive images. A stopped run
resumes with the shards that are missing, and any number of ranks writes the
same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .atomic import atomic_write

FIELDS = ('centroids', 'classes', 'image')


def shard_names(images: int, size: int) -> list[str]:
    """Return the names of the shards of a number of images, in order.

    Raises:
        ValueError: If ``size``, the images of a shard, is below 1.
    """
    if size < 1:
        raise ValueError(f'a shard holds at least 1 image, got {size}')
    return [f'{number:06}' for number in range(-(-images // size))]


def save_shard(
    path: Path,
    positions: Sequence[int],
    clusters: Sequence[tuple[np.ndarray, np.ndarray]],
) -> None:
    """Write a shard.

    Args:
        path: File to write, ``.npz``.
        positions: Positions of the shard's images in the data set.
        clusters: Of each image centroids (n, D) and their classes (n,).
    """
    counts = [len(classes) for _, classes in clusters]
    with atomic_write(path) as temporary:
        np.savez(
            temporary,
            centroids=np.concatenate([c for c, _ in clusters]),
            classes=np.concatenate([k for _, k in clusters]),
            image=np.repeat(np.array(positions, np.int64), counts),
        )


def load_shards(folder: Path) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Load the shards of a folder one after the other, in their order.

    Yields:
        tuple: ``centroids`` float32 (n, D), ``classes`` int64 (n,) over the
        classes in use, and ``image`` int64 (n,), the image's position in the
        data set. Shards without a centroid are skipped.

    Raises:
        ValueError: If a file is damaged, or shards differ in D.
    """
    channels = None
    for path in sorted(folder.glob('[0-9]*.npz')):
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = [torch.from_numpy(stored[name]) for name in FIELDS]
        except Exception as error:
            raise ValueError(
                f'{path} is damaged ({error}): remove it and run again'
            ) from error
        width = arrays[0].shape[1]
        channels = channels or width
        if width != channels:
            raise ValueError(
                f'{path} has {width} channels, other shards {channels}: '
                'extract the features again and run with --overwrite'
            )
        if len(arrays[0]):
            yield tuple(arrays)
