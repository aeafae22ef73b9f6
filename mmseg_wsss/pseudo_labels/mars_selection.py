"""MARS: selecting debiased centroids over a whole data set (Eqs. 1 to 3).

The centroids of all images come in parts, which are read three times (for the
mean distance) and never held together. In memory are one sum of directions (D
numbers), for each foreground centroid its distance and its class (10 bytes),
and the positions of the selected ones (8 bytes, twice): some 1 MB for 10
thousand images, where all pairs of Eq. 1 would be 30 thousand x 20 thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from ..utils import check_option
from .mars import (
    background_distance,
    direction_sum,
    nearest_background_distance,
    top_fraction,
)

DISTANCES = ('mean', 'nearest')
Part = tuple[Tensor, Tensor]


class Selection(NamedTuple):
    """Debiased centroids.

    ``classes`` int64 (K,), rising; ``centroids`` float32 (K, D), V^c of Eq.
    2; ``found`` int64 (K,), N_c^fg, the centroids each class has; ``chosen``,
    for each class, the positions (int64) among all foreground centroids,
    counted through all parts, of those that were averaged, most distant first.
    """

    classes: Tensor
    centroids: Tensor
    found: Tensor
    chosen: list[Tensor]


def select_debiased(
    parts: Callable[[], Iterable[Part]],
    alpha: float = 0.4,
    distance: str = 'mean',
    background_index: int = 0,
) -> Selection:
    """Average each class's centroids that are farthest from background.

    The ranking is over all images: an image may give both its centroids, or
    none. The same parts in the same order give the same bits.

    Args:
        parts: Called several times; each call iterates over the centroids of
            the data set (n, D), float, and their classes (n,), int64 up to
            32,767, both on the CPU, background included.
        alpha: Fraction of the centroids of a class to average, in (0, 1].
        distance: 'mean' (Eq. 1), or 'nearest', the smallest distance to a
            background centroid, which goes through all pairs of parts.
        background_index: Class of the background.

    Returns:
        Selection: Classes without a centroid are missing.

    Raises:
        ValueError: If an option is out of range, a centroid is not finite, or
            there is no background or no foreground centroid.
    """
    check_option('distance', distance, DISTANCES)
    distances, classes = _distances(parts, distance, background_index)
    if not torch.isfinite(distances).all():
        raise ValueError(
            'a centroid is not finite: extract the features and cluster them '
            'again'
        )
    present = classes.unique().long()
    if not len(present):
        raise ValueError(
            'no image has a foreground region large enough to cluster: look '
            'at the pseudo labels'
        )
    chosen = []
    for k in present.tolist():
        members = torch.nonzero(classes == k)[:, 0]
        chosen.append(members[top_fraction(distances[members], alpha)])
    found = torch.stack([(classes == k).sum() for k in present])
    averages = _averages(parts, chosen, background_index)
    return Selection(present, averages, found, chosen)


def _distances(
    parts: Callable[[], Iterable[Part]], distance: str, background_index: int
) -> Part:
    """Return the distance of every foreground centroid, and its class."""
    total, count = 0.0, 0
    for centroids, classes in parts():
        background = centroids[classes == background_index]
        total = total + direction_sum(background)
        count += len(background)
    if not count:
        raise ValueError(
            'no image has a background region large enough to cluster: MARS '
            'needs pseudo labels with background'
        )
    rows, names = [], []
    for centroids, classes in parts():
        front = classes != background_index
        if distance == 'mean':
            row = background_distance(centroids[front], total / count)
        else:
            row = _nearest(centroids[front], parts, background_index)
        rows.append(row)
        names.append(classes[front].short())
    return torch.cat(rows), torch.cat(names)


def _nearest(
    centroids: Tensor,
    parts: Callable[[], Iterable[Part]],
    background_index: int,
) -> Tensor:
    nearest = torch.ones(len(centroids), dtype=torch.float64)
    for others, classes in parts():
        background = others[classes == background_index]
        if len(background) and len(centroids):
            here = nearest_background_distance(centroids, background)
            nearest = torch.minimum(nearest, here)
    return nearest


def _averages(
    parts: Callable[[], Iterable[Part]],
    chosen: list[Tensor],
    background_index: int,
) -> Tensor:
    """Return the mean of the chosen centroids of each class (K, D)."""
    wanted = [positions.sort().values for positions in chosen]
    sums: list = [0.0] * len(chosen)
    start = 0
    for everything, classes in parts():
        centroids = everything[classes != background_index]
        end = start + len(centroids)
        for row, positions in enumerate(wanted):
            low, high = torch.searchsorted(
                positions, torch.tensor([start, end])
            )
            here = positions[low:high] - start
            sums[row] = sums[row] + centroids[here].double().sum(0)
        start = end
    counts = [len(positions) for positions in chosen]
    return torch.stack(
        [total / n for total, n in zip(sums, counts, strict=True)]
    ).float()
