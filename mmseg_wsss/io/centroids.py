"""Files of debiased centroids (MARS), ``.npz``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .atomic import atomic_write


class DebiasedCentroids(NamedTuple):
    """Debiased centroids of a data set.

    ``class_ids`` int64 (K,), as label files hold them; ``centroids`` float32
    (K, D); ``found`` and ``kept`` int64 (K,), how many centroids each class
    had and how many were averaged; ``feature_origin`` (), str, where the
    features come from, see :func:`folder_origin`.
    """

    class_ids: np.ndarray
    centroids: np.ndarray
    found: np.ndarray
    kept: np.ndarray
    feature_origin: np.ndarray | str = ''


def save_centroids(
    path: str | os.PathLike, centroids: DebiasedCentroids
) -> None:
    """Write debiased centroids (``.npz``)."""
    with atomic_write(path) as part:
        np.savez(part, **centroids._asdict())


def load_centroids(path: str | os.PathLike) -> DebiasedCentroids:
    """Read debiased centroids.

    Args:
        path: File of ``tools/make_centroids.py``.

    Returns:
        DebiasedCentroids: What it holds.

    Raises:
        ValueError: If there is no such file, or it is something else.
    """
    if not Path(path).is_file():
        raise ValueError(
            f'there is no file of debiased centroids {path}: make it with '
            'tools/make_centroids.py'
        )
    try:
        with np.load(path, allow_pickle=False) as stored:
            fields = DebiasedCentroids._fields
            return DebiasedCentroids(*(stored[name] for name in fields))
    except Exception as error:
        raise ValueError(
            f'{path} is no file of debiased centroids: {error}'
        ) from error


def update_centroids(
    path: str | os.PathLike, centroids: DebiasedCentroids
) -> None:
    """Write debiased centroids, unless the file holds the same ones.

    A file that stays the same keeps its date, so that labels made with it
    are not made from another file of centroids.
    """
    try:
        same = all(map(np.array_equal, load_centroids(path), centroids))
    except ValueError:  # no file, or a damaged one
        same = False
    if not same:
        save_centroids(path, centroids)
