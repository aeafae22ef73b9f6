"""K-means of the few hundred feature cells of one region, repeatable.

Lloyd's algorithm from a start without chance: the points are split along
their principal axis, and the most scattered part again until there are K.
For MARS's two clusters this comes within 1 % of the best of ten random starts
(``benchmarks/mars_clustering.py``); random starts can be added.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..utils import check_option

METRICS = ('cosine', 'euclidean')
# The axis is only a start: some points and steps are enough.
AXIS_POINTS, AXIS_STEPS = 256, 8


class Clusters(NamedTuple):
    """K clusters of n points.

    ``centroids`` (K, D), the means of their points, which for the cosine
    metric are first brought to length 1; ``assignment`` int64 (n,); and
    ``inertia``, the sum of squared distances to the centroid, for the cosine
    metric 2 (1 - cos).
    """

    centroids: Tensor
    assignment: Tensor
    inertia: float


@torch.no_grad()
def kmeans(
    points: Tensor,
    clusters: int,
    metric: str = 'cosine',
    iterations: int = 20,
    starts: int = 0,
    seed: int = 0,
) -> Clusters:
    """Cluster points by K-means.

    Args:
        points: Points (n, D), float, n >= clusters, finite.
        clusters: K >= 1.
        metric: 'cosine' clusters directions (spherical K-means: points and
            centres have length 1), 'euclidean' the points.
        iterations: Most iterations; it stops when no point changes.
        starts: Random starts (k-means++) beside the principal-axis one; the
            least inertia wins.
        seed: Of the random starts.

    Returns:
        Clusters: Fewer than K where points coincide.

    Raises:
        ValueError: If there are fewer points than clusters, or an option or
            a shape is wrong.
    """
    check_option('metric', metric, METRICS)
    if points.ndim != 2 or not points.is_floating_point():
        raise ValueError(
            'points must be float (n, D), got '
            f'{points.dtype} {tuple(points.shape)}'
        )
    if not 1 <= clusters <= len(points):
        raise ValueError(
            f'{len(points)} points cannot make {clusters} clusters: give 1 '
            'to as many as there are points'
        )
    if iterations < 1:
        raise ValueError(f'iterations must be at least 1, got {iterations}')
    unit = metric == 'cosine'
    points = points.float()
    if unit:
        points = F.normalize(points, dim=1)
    generator = torch.Generator().manual_seed(seed)
    best = _lloyd(points, split_by_axis(points, clusters), unit, iterations)
    for _ in range(starts):
        centres = _plus_plus(points, clusters, generator)
        other = _lloyd(points, centres, unit, iterations)
        if other.inertia < best.inertia:
            best = other
    return best


def split_by_axis(points: Tensor, clusters: int) -> Tensor:
    """Split points along principal axes; returns the parts' means.

    Args:
        points: Points (n, D), float32.
        clusters: K, number of parts.

    Returns:
        Tensor: (K, D) or fewer rows, where points coincide.
    """
    parts = [points]
    while len(parts) < clusters:
        scatter = [float((p - p.mean(0)).square().sum()) for p in parts]
        widest = max(range(len(parts)), key=scatter.__getitem__)
        part = parts.pop(widest)
        side = _projection(part) > 0
        if side.all() or not side.any():  # all points are the same
            parts.append(part)
            break
        parts += [part[side], part[~side]]
    return torch.stack([part.mean(0) for part in parts])


def _projection(points: Tensor) -> Tensor:
    """Coordinates (n,) on the principal axis, by power iteration.

    The axis is that of evenly spaced points where there are many.
    """
    mean = points.mean(0)
    some = points[:: -(-len(points) // AXIS_POINTS)] - mean
    # The farthest point: a start that has a part along the axis.
    axis = some[some.square().sum(1).argmax()]
    for _ in range(AXIS_STEPS):
        axis = F.normalize(some.T @ (some @ axis), dim=0)
    return points @ axis - mean @ axis


def _plus_plus(
    points: Tensor, clusters: int, generator: torch.Generator
) -> Tensor:
    """Choose K points, each with the probability of its squared distance."""
    weights = torch.ones(len(points), dtype=torch.float64)
    chosen = []
    for _ in range(clusters):
        index = torch.multinomial(weights, 1, generator=generator)
        chosen.append(points[index.to(points.device)])
        distance = torch.cdist(points, torch.cat(chosen)).min(1).values
        weights = distance.double().square().cpu()
        if not weights.sum() > 0:
            break
    return torch.cat(chosen)


def _lloyd(
    points: Tensor, centres: Tensor, unit: bool, iterations: int
) -> Clusters:
    assignment = None
    for _ in range(iterations):
        if unit:
            centres = F.normalize(centres, dim=1)
        before, assignment = assignment, _nearest(points, centres)
        if before is not None and torch.equal(before, assignment):
            break
        centres = _means(points, assignment, centres)
    # Whatever happened last, centroids are the means of their points.
    kept, assignment = assignment.unique(return_inverse=True)
    centroids = _means(points, assignment, centres[kept])
    lengths = centroids.double().norm(dim=1)
    counts = torch.bincount(assignment).double()
    # sum |x - c|^2 without x: each cluster's sum is its count times its mean.
    squares = points.square().sum(dtype=torch.float64)
    explained = lengths**2
    if unit:
        explained = torch.where(lengths > 0, 2 * lengths - 1, 0)
    inertia = squares - (counts * explained).sum()
    return Clusters(centroids, assignment, max(float(inertia), 0.0))


def _nearest(points: Tensor, centres: Tensor) -> Tensor:
    # |x - c|^2 without |x|^2, which is the same for all centres.
    return (centres.square().sum(1) - 2 * points @ centres.T).argmin(1)


def _means(points: Tensor, assignment: Tensor, centres: Tensor) -> Tensor:
    """Mean of each cluster's points; empty clusters keep their centre."""
    member = F.one_hot(assignment, len(centres)).to(points.dtype)
    count = member.sum(0)[:, None]
    return torch.where(count > 0, member.T @ points / count.clamp(1), centres)
