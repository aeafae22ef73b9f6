"""mIoU of CAMs at many background thresholds, in one pass over the images.

A CAM gives a pixel the best foreground class if that score m exceeds the
background's, and the background otherwise. A constant background score t
decides by m > t: all thresholds follow from one histogram of m per class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce

from .areas import area_rates

_WRONG, _RIGHT, _BACKGROUND = range(3)


def best_foreground(
    classes: np.ndarray, cam: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Find each pixel's best foreground class.

    Args:
        classes: Class indices (K,), integer.
        cam: CAMs (K, h, w) in [0, 1], any float dtype. They are resized
            bilinearly, without aligned corners.
        size: Height and width of the image.

    Returns:
        tuple: The best score (H, W), float32, and its class (H, W), int64;
        0 and 0 where K is 0.
    """
    if not len(classes):
        return np.zeros(size, np.float32), np.zeros(size, np.int64)
    score, best = _resize(cam, size).max(0)
    return score.numpy(), np.asarray(classes, np.int64)[best.numpy()]


def _resize(cam: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    maps = torch.from_numpy(np.asarray(cam, np.float32))[None]
    return F.interpolate(maps, size, mode='bilinear', align_corners=False)[0]


def label_from_cam(
    classes: np.ndarray,
    cam: np.ndarray,
    size: tuple[int, int],
    threshold: float,
    background_index: int = 0,
) -> np.ndarray:
    """Turn CAMs into labels (H, W), int64, with one background threshold.

    Args:
        classes: As in :func:`best_foreground`.
        cam: As in :func:`best_foreground`.
        size: Height and width of the image.
        threshold: Scores must exceed it; at a tie the background wins.
        background_index: Index of the background.

    Returns:
        np.ndarray: Labels (H, W), int64.
    """
    score, best = best_foreground(classes, cam, size)
    best[score <= np.float32(threshold)] = background_index
    return best


def drop_background(
    classes: np.ndarray,
    cam: np.ndarray,
    size: tuple[int, int],
    background_index: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Convert CAMs with a background map to CAMs for a threshold.

    A class's score M becomes M / (max M + background): the best class exceeds
    0.5 where it exceeds the background, and stays the best where that is 0.
    The maps are resized before they are divided, so that this holds for each
    pixel.

    Args:
        classes: Class indices (K,), integer.
        cam: As in :func:`best_foreground`.
        size: Height and width of the image.
        background_index: Index of the background.

    Returns:
        tuple: Classes (K - 1,) and CAMs (K - 1, H, W) without the background,
        in [0, 1]; what has no background map as it is.

    Example:
        >>> cam = np.array([[[0.5, 0.2]], [[0.5, 0.8]]])
        >>> _, scores = drop_background(np.array([0, 3]), cam, (1, 2), 0)
        >>> scores.round(2)
        array([[[0.5, 0.8]]], dtype=float32)
    """
    found = classes == background_index
    if not found.any():
        return classes, cam
    maps = _resize(cam, size).numpy()
    background, scores = maps[found], maps[~found]
    total = scores.max(0, keepdims=True, initial=0) + background
    return classes[~found], scores / np.where(total > 0, total, 1)


class CAMSweep:
    """Areas of all classes at all thresholds, collected image by image.

    Args:
        num_classes: C, the number of classes, background included.
        thresholds: Background scores (T,) in [0, 1), in any order.
        background_index: Index of the background.
        ignore_index: Mask label of the pixels that do not count.

    Raises:
        ValueError: If there is no threshold or one is outside [0, 1).
    """

    def __init__(
        self,
        num_classes: int,
        thresholds: Sequence[float],
        background_index: int = 0,
        ignore_index: int = 255,
    ):
        self.thresholds = np.asarray(thresholds, dtype=np.float64)
        inside = (self.thresholds >= 0) & (self.thresholds < 1)
        if not self.thresholds.size or not inside.all():
            raise ValueError(
                f'thresholds must lie in [0, 1), got {list(thresholds)}'
            )
        self.num_classes = num_classes
        self.background_index = background_index
        self.ignore_index = ignore_index
        self._edges = np.sort(self.thresholds.astype(np.float32))
        # Pixels by the number of thresholds they exceed, their best class and
        # whether that is wrong, right, or the pixel is truly background.
        self._scores = torch.zeros(
            (self._edges.size + 1, num_classes, 3), dtype=torch.int64
        )
        self._true = torch.zeros(num_classes, dtype=torch.int64)

    def update(
        self, classes: np.ndarray, cam: np.ndarray, mask: np.ndarray
    ) -> None:
        """Add an image.

        Args:
            classes: Foreground class indices (K,), integer.
            cam: CAMs (K, h, w) in [0, 1], at any size.
            mask: Ground truth (H, W), integer, of classes and
                ``ignore_index`` only.
        """
        score, best = best_foreground(classes, cam, mask.shape)
        valid = mask != self.ignore_index
        truth, best = mask[valid].astype(np.int64), best[valid]
        true = np.bincount(truth, minlength=self.num_classes)
        exceeded = np.searchsorted(self._edges, score[valid], side='left')
        kind = np.where(truth == best, _RIGHT, _WRONG)
        kind[truth == self.background_index] = _BACKGROUND
        cell = (exceeded * self.num_classes + best) * 3 + kind
        counts = np.bincount(cell, minlength=self._scores.numel())
        self._scores += torch.from_numpy(counts).view_as(self._scores)
        self._true += torch.from_numpy(true)

    def reduce(self) -> None:
        """Add the counts of all ranks up, on every rank."""
        all_reduce(self._scores)
        all_reduce(self._true)

    def areas(self) -> np.ndarray:
        """Count the pixels at each threshold.

        Returns:
            np.ndarray: (T, C, 3) int64, in the order of ``thresholds``:
            pixels right, predicted, and true.
        """
        scores, true = self._scores.numpy(), self._true.numpy()
        # A pixel that exceeds n thresholds is foreground at the lowest n.
        above = scores[::-1].cumsum(0)[::-1][1:]
        below = scores.cumsum(0)[:-1]
        right, predicted = above[..., _RIGHT].copy(), above.sum(-1)
        right[:, self.background_index] = below[..., _BACKGROUND].sum(-1)
        predicted[:, self.background_index] = below.sum((1, 2))
        areas = np.stack(
            [right, predicted, np.broadcast_to(true, right.shape)], axis=-1
        )
        return areas[np.searchsorted(self._edges, np.float32(self.thresholds))]

    def curve(self) -> np.ndarray:
        """Return mean IoU, FP share and FN share at each threshold.

        Returns:
            np.ndarray: (3, T), percent, means over the classes that are
            predicted or true at that threshold, background included.

        Raises:
            ValueError: If no pixel was counted.
        """
        if not self._true.sum():
            raise ValueError('no labelled pixel: all masks are ignored')
        return np.nanmean(np.stack(area_rates(self.areas())), axis=-1)
