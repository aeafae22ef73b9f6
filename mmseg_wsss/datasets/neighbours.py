"""Nearest neighbours of a data set's images, and their file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..io.atomic import atomic_write

BLOCK = 1024  # vectors whose cosines with all others are in memory


class Neighbours(NamedTuple):
    """Nearest neighbours of N images.

    Attributes:
        stems: Their N names.
        indices: Positions of each image's k neighbours in ``stems``, nearest
            first, int32 (N, k).
        similarities: Cosines, float32 (N, k).
    """

    stems: list[str]
    indices: np.ndarray
    similarities: np.ndarray


def nearest_neighbours(
    vectors: Tensor, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of the largest cosine, by brute force.

    Time grows with N^2: 10 thousand images take seconds, a million hours on
    a CPU.

    Args:
        vectors: One vector per image (N, D), float.
        k: Neighbours per image, at most N - 1.

    Returns:
        tuple: Positions int32 (N, k) and cosines float32 (N, k), nearest
        first. An image is not its own neighbour.

    Raises:
        ValueError: If there are fewer than two vectors, or k is wrong.
    """
    if vectors.ndim != 2 or len(vectors) < 2 or k < 1:
        raise ValueError(
            'neighbours need at least two vectors (N, D) and k >= 1, got '
            f'{tuple(vectors.shape)}, k={k}'
        )
    if not torch.isfinite(vectors).all():
        raise ValueError('a vector is not finite')
    unit = F.normalize(vectors.float(), dim=1)
    k = min(k, len(unit) - 1)
    found = []
    for start in range(0, len(unit), BLOCK):
        rows = unit[start : start + BLOCK]
        similarity = rows @ unit.T
        own = torch.arange(len(rows), device=unit.device)
        similarity[own, start + own] = -torch.inf
        found.append(similarity.topk(k, dim=1))
    return (
        torch.cat([f.indices for f in found]).int().cpu().numpy(),
        torch.cat([f.values for f in found]).cpu().numpy(),
    )


def save_neighbours(
    path: str | os.PathLike,
    neighbours: Neighbours,
    source: Mapping[str, object] | None = None,
) -> None:
    """Write neighbours (``.npz``) atomically.

    Args:
        path: File to write.
        neighbours: The neighbours.
        source: Their provenance, JSON values by name.

    Raises:
        ValueError: If shapes do not fit.
    """
    count = len(neighbours.stems)
    shapes = neighbours.indices.shape, neighbours.similarities.shape
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][0] != count:
        raise ValueError(
            f'{path}: expected {count} names, indices and similarities '
            f'({count}, k), got {shapes[0]} and {shapes[1]}'
        )
    with atomic_write(path) as part:
        np.savez_compressed(
            part,
            stems=np.array(neighbours.stems, dtype=np.str_),
            indices=neighbours.indices.astype(np.int32),
            similarities=neighbours.similarities.astype(np.float32),
            source=np.array(json.dumps(source or {}, sort_keys=True)),
        )


def load_neighbours(
    path: str | os.PathLike,
) -> tuple[Neighbours, dict[str, object]]:
    """Read a file of neighbours.

    Args:
        path: File written by :func:`save_neighbours`.

    Returns:
        tuple: The neighbours, and their provenance.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged or has another format.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return (
                Neighbours(
                    stored['stems'].tolist(),
                    stored['indices'],
                    stored['similarities'],
                ),
                json.loads(str(stored['source'])),
            )
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'there is no file of neighbours {path}: write it with '
            'tools/make_neighbours.py CONFIG'
        ) from error
    except Exception as error:
        raise ValueError(
            f'{path} is not a file of neighbours: {error}'
        ) from error


def usable_neighbours(
    neighbours: Neighbours, stems: Sequence[str], k: int
) -> list[np.ndarray]:
    """Return the k nearest neighbours of images within a subset.

    Args:
        neighbours: Neighbours of all images.
        stems: Names of the images in the subset.
        k: Largest number of neighbours per image.

    Returns:
        list[np.ndarray]: Positions in ``stems`` for each of them, nearest
        first, int64.

    Raises:
        ValueError: If an image is not in the file, or has no neighbour in
            the subset.
    """
    rows = {stem: row for row, stem in enumerate(neighbours.stems)}
    unknown = [stem for stem in stems if stem not in rows]
    if unknown:
        raise ValueError(
            f'{len(unknown)} of {len(stems)} images have no neighbours, e.g. '
            f'{unknown[0]}: were they written for other images? Run '
            'tools/make_neighbours.py on this config'
        )
    order = np.array([rows[stem] for stem in stems], dtype=np.int64)
    position = np.full(len(rows), -1, dtype=np.int64)
    position[order] = np.arange(len(stems))
    lists = [row[row >= 0][:k] for row in position[neighbours.indices[order]]]
    alone = [s for s, near in zip(stems, lists, strict=True) if not len(near)]
    if alone:
        raise ValueError(
            f'{len(alone)} of {len(stems)} images have no neighbour among '
            f'these images, e.g. {alone[0]}: write more neighbours per image '
            'with tools/make_neighbours.py CONFIG --number'
        )
    return lists
