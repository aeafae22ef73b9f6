"""MARS: finding biased objects in pseudo labels, on arrays and tensors.

Jo, Yu and Kim, "MARS: Model-agnostic Biased Object Removal without Additional
Supervision for Weakly-Supervised Semantic Segmentation", ICCV 2023,
https://arxiv.org/abs/2304.09913, Secs. 3.2 and 3.3. Features are those of an
unsupervised network. The steps:

1. :func:`region_clusters`: in each image, the features under each class of
   its pseudo label are clustered, K_fg = K_bg = 2.
2. :func:`background_distance`: Eq. 1, the distance of a foreground centroid
   to the background centroids of all images.
3. :func:`top_fraction`: Eqs. 2 and 3, the fraction alpha = 0.4 of a class's
   centroids with the largest distance; their mean is the debiased V^c.
4. :func:`similarity_map`: Eq. 4, how much each cell looks like a debiased
   centroid of one of the image's classes.
5. :func:`debiased_label`: Eq. 5, foreground that does not is biased.

Eq. 1 is a mean over all background centroids, so it is one product with the
mean of their directions, exactly::

    1/J sum_j (1 - cos(v, b_j)) / 2 = (1 - v/|v| . u) / 2,
    u = 1/J sum_j b_j / |b_j|

Nothing of the size of all pairs is ever built. The paper's text argues with
the *minimum* over the background; :func:`nearest_background_distance` is that.

The paper is silent on most of step 1. Here a cell belongs to the class that
most of its labelled pixels have; regions of fewer cells than clusters are
left out; clusters are of directions (cosine), as every later step compares
directions; a class that the image labels do not have is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..structures.labels import BIASED_LABEL, IGNORE_LABEL
from .kmeans import Clusters

EMPTY = -1
BLOCK = 4096  # background centroids that are compared at a time


class RegionClusters(NamedTuple):
    """The clusters of one image's regions.

    ``centroids`` float32 (n, D); ``classes`` int64 (n,), the class each was
    found under; ``cells`` int64 (h, w), the centroid that each cell belongs
    to, -1 where none.
    """

    centroids: Tensor
    classes: Tensor
    cells: Tensor


def cell_labels(
    label: Tensor, grid: Sequence[int], classes: Sequence[int]
) -> Tensor:
    """Return the class of most pixels of each cell of a feature grid.

    Pixels of other values, such as 254 and 255, do not vote.

    Args:
        label: Labels (H, W), integer.
        grid: (h, w) of the features, at most (H, W) in size.
        classes: The K classes that count.

    Returns:
        Tensor: int64 (h, w): a class, or 255 where no pixel votes; the first
        class wins a tie.
    """
    classes = torch.as_tensor(list(classes), device=label.device)
    votes = (label[None] == classes[:, None, None]).float()
    if not len(classes):
        return label.new_full(tuple(grid), IGNORE_LABEL, dtype=torch.int64)
    share = F.adaptive_avg_pool2d(votes, tuple(grid))
    most, position = share.max(0)
    return torch.where(most > 0, classes[position], IGNORE_LABEL)


def region_clusters(
    features: Tensor,
    label: Tensor,
    clusters: dict[int, int],
    cluster: Callable[[Tensor, int], Clusters],
) -> RegionClusters:
    """Cluster the features under each class of a pseudo label (Sec. 3.2).

    Args:
        features: Features (D, h, w), float.
        label: Pseudo label (H, W), integer.
        clusters: K of each class; other classes are left out.
        cluster: Clusters points (n, D) into K, e.g. :func:`kmeans`.

    Returns:
        RegionClusters: Classes rise; regions with fewer than K cells have no
        cluster.

    Raises:
        ValueError: If the shapes do not fit.
    """
    if features.ndim != 3 or label.ndim != 2:
        raise ValueError(
            'expected features (D, h, w) and a label (H, W), got '
            f'{tuple(features.shape)} and {tuple(label.shape)}'
        )
    grid = features.shape[1:]
    cells = cell_labels(label, grid, sorted(clusters))
    owner = torch.full_like(cells, EMPTY)
    centroids, classes = [features.new_zeros(0, len(features)).float()], []
    for k in sorted(clusters):
        region = cells == k
        if region.sum() < clusters[k]:
            continue
        found = cluster(features[:, region].T, clusters[k])
        owner[region] = found.assignment + len(classes)
        centroids.append(found.centroids.float())
        classes += [k] * len(found.centroids)
    return RegionClusters(
        torch.cat(centroids),
        torch.tensor(classes, dtype=torch.int64, device=label.device),
        owner,
    )


def direction_sum(centroids: Tensor) -> Tensor:
    """Sum the directions of centroids (n, D); float64 (D,).

    Sums of parts of a data set add up; divided by the number of centroids
    they are the u of :func:`background_distance`.
    """
    return F.normalize(centroids.double(), dim=1).sum(0)


def background_distance(centroids: Tensor, mean_direction: Tensor) -> Tensor:
    """Compute the mean distance to all background centroids (Eq. 1).

    Args:
        centroids: Foreground centroids (n, D), float.
        mean_direction: u (D,), mean of the background centroids' directions.

    Returns:
        Tensor: Distances (n,) in [0, 1], float64.
    """
    directions = F.normalize(centroids.double(), dim=1)
    return (1 - directions @ mean_direction.double()) / 2  # Eq. 1


def nearest_background_distance(
    centroids: Tensor, background: Tensor
) -> Tensor:
    """Compute the distance to the nearest background centroid.

    Args:
        centroids: Foreground centroids (n, D), float.
        background: Background centroids (J, D), float, J >= 1.

    Returns:
        Tensor: Distances (n,) in [0, 1], float64. Those of parts of the
        background combine by their minimum.
    """
    directions = F.normalize(centroids.double(), dim=1)
    nearest = directions.new_full((len(directions),), 1.0)
    for part in background.split(BLOCK):
        cosine = directions @ F.normalize(part.double(), dim=1).T
        nearest = torch.minimum(nearest, (1 - cosine.max(1).values) / 2)
    return nearest


def top_fraction(distances: Tensor, alpha: float) -> Tensor:
    """Select the ceil(alpha n) largest distances (Eqs. 2 and 3).

    Args:
        distances: Distances (n,).
        alpha: Fraction in (0, 1].

    Returns:
        Tensor: Their positions, int64, largest first; the earlier of two
        equal ones comes first.
    """
    if not 0 < alpha <= 1:
        raise ValueError(f'alpha must be in (0, 1], got {alpha}')
    # 0.07 * 100 is 7.000000000000001.
    count = max(math.ceil(round(alpha * len(distances), 9)), 1)
    order = torch.sort(distances, descending=True, stable=True).indices
    return order[:count]  # Eq. 3


def similarity_map(features: Tensor, centroids: Tensor) -> Tensor:
    """Compute the similarity to the nearest debiased centroid (Eq. 4).

    Args:
        features: Features (D, h, w), float.
        centroids: Debiased centroids (K, D) of the image's classes, K >= 1.

    Returns:
        Tensor: ReLU of the largest cosine (h, w), float32, in [0, 1].
    """
    directions = F.normalize(features.float(), dim=0)
    centroids = F.normalize(centroids.float(), dim=1)
    cosine = torch.einsum('kd,dhw->khw', centroids, directions)
    return cosine.amax(0).clamp(0, 1)  # Eq. 4


def mask_scores(similarity: Tensor, threshold: float) -> Tensor:
    """Convert similarities to the scores of two labels, biased and kept.

    They are [1 - m, m], after a piecewise linear change of m that brings the
    threshold to 0.5, so that a refiner on two labels and their argmax mean
    what the threshold says. The paper leaves this open.

    Args:
        similarity: Similarities in [0, 1], any shape.
        threshold: Similarity in (0, 1) from which a pixel is kept.

    Returns:
        Tensor: (2, ...) scores that sum to 1.
    """
    if not 0 < threshold < 1:
        raise ValueError(f'threshold must be in (0, 1), got {threshold}')
    below = similarity / (2 * threshold)
    above = (similarity - 2 * threshold + 1) / (2 - 2 * threshold)
    kept = torch.where(similarity < threshold, below, above)
    return torch.stack([1 - kept, kept])


def debiased_label(
    label: Tensor, keep: Tensor, foreground_classes: Sequence[int]
) -> Tensor:
    """Mark foreground pixels that are not kept as biased (Eq. 5).

    The paper's -1 is 254 here, so that it fits a PNG and is not taken for
    padding. Background and ignored pixels never change.

    Args:
        label: Pseudo label (H, W), integer.
        keep: The binary mask M (H, W), bool.
        foreground_classes: Classes whose pixels may be biased.

    Returns:
        Tensor: Labels of the same dtype.
    """
    classes = torch.as_tensor(list(foreground_classes), device=label.device)
    biased = torch.isin(label, classes) & ~keep  # Eq. 5
    return label.masked_fill(biased, BIASED_LABEL)
