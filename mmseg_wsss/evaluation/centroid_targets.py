"""How many selected centroids lie on their object (MARS, Sec. 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..pseudo_labels.mars import cell_labels
from ..pseudo_labels.mars_selection import Selection
from ..structures.labels import BIASED_LABEL, IGNORE_LABEL

TARGET, BIASED = 0.3, 0.1


def cluster_ious(
    cells: np.ndarray, classes: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Compute the IoU of each cluster and its class's object.

    Args:
        cells: The centroid of each cell (h, w), -1 for none.
        classes: Class of each centroid (n,).
        mask: Ground truth (H, W), integer; compared at the cells.

    Returns:
        np.ndarray: (n,) float64 in [0, 1].
    """
    names = np.unique(classes).tolist()
    truth = cell_labels(
        torch.from_numpy(mask.astype(np.int64)),
        cells.shape,
        # All classes of the mask vote for a cell, not only these.
        sorted({*names, *np.unique(mask[mask < BIASED_LABEL]).tolist()}),
    ).numpy()
    known = truth != IGNORE_LABEL
    ious = np.zeros(len(classes))
    for row, k in enumerate(classes.tolist()):
        cluster, thing = (cells == row) & known, truth == k
        union = (cluster | thing).sum()
        ious[row] = (cluster & thing).sum() / union if union else 0
    return ious


def target_share(ious: np.ndarray) -> float:
    """Compute the percentage of target centroids, of target and biased ones.

    As the paper has it: IoU above 0.3 is target, below 0.1 biased; others do
    not count. NaN where none counts.
    """
    target, biased = (ious > TARGET).sum(), (ious < BIASED).sum()
    counted = target + biased
    return 100 * float(target / counted) if counted else float('nan')


def target_shares(
    selection: Selection, classes: np.ndarray, ious: np.ndarray
) -> list[tuple[int, float, float]]:
    """Compare the selected centroids of each class with all of them.

    Args:
        selection: What was selected.
        classes: Class of every foreground centroid (n,), in the selection's
            order.
        ious: Their IoUs (n,), see :func:`cluster_ious`.

    Returns:
        list: Of each class: the class, and the shares of target centroids in
        percent among all and among the selected.
    """
    rows = []
    for k, chosen in zip(
        selection.classes.tolist(), selection.chosen, strict=True
    ):
        everything = target_share(ious[classes == k])
        rows.append((k, everything, target_share(ious[chosen.numpy()])))
    return rows


def mean_share(values: Sequence[float]) -> float:
    """Compute the mean over the classes that are not NaN."""
    return float(np.nanmean(values))
