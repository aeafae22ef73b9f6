"""Contour quality of label maps (HFPL, WACV 2024; DAVIS, CVPR 2016).

The contour of a class in a prediction is right where the contour of that class
in the ground truth is near, and the other way round. HFPL adds the counts of
all images up, class by class, before it takes precision, recall and their
harmonic mean F; DAVIS averages F over frames.

Ground-truth pixels to ignore need a rule, as the data sets leave a band along
the contours unlabelled. There are two:

- ``'background'`` (HFPL's code): they are background in the ground truth. The
  default: it gives numbers that compare with HFPL's, and a prediction gets no
  credit for where the unlabelled band happens to lie.
- ``'mask'`` (DAVIS): they are background in the ground truth and in the
  prediction. For masks that leave whole objects unlabelled, e.g. classes that
  are not in use. It flatters: a prediction that spills into the band is cut
  back to the true contour.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..utils import check_option

IGNORE_RULES = ('background', 'mask')


def contour_tolerance(height: int, width: int, tolerance: float) -> int:
    """Return the distance in pixels at which contours still match.

    Args:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        tolerance: Share of the image diagonal; 0.008 in DAVIS and HFPL.

    Returns:
        int: ``ceil(tolerance * diagonal)``.
    """
    return math.ceil(tolerance * math.hypot(height, width))


def boundary_map(mask: np.ndarray) -> np.ndarray:
    """Mark the pixels that differ from their E, S or SE neighbour.

    The contour is one pixel wide; the image's edge is no contour.

    Args:
        mask: Bool (H, W).

    Returns:
        np.ndarray: Bool (H, W).
    """
    boundary = np.zeros_like(mask)
    east = mask[:, :-1] != mask[:, 1:]
    south = mask[:-1] != mask[1:]
    boundary[:, :-1] |= east
    boundary[:-1] |= south
    boundary[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return boundary


def contour_counts(
    prediction: np.ndarray,
    ground_truth: np.ndarray,
    num_classes: int,
    tolerance: float = 0.008,
    background_index: int | None = 0,
    ignore_index: int = 255,
    ignore: str = 'background',
) -> np.ndarray:
    """Count the contour pixels of each class, and those that match.

    A contour pixel matches if one of the other map's contour of the same
    class lies within a disk of ``ceil(tolerance * diagonal)`` pixels.

    Args:
        prediction: Labels (H, W), integer; values that are no class (254,
            255) belong to none.
        ground_truth: Labels (H, W), integer.
        num_classes: C, the number of classes.
        tolerance: Share of the image diagonal.
        background_index: The class without a contour of its own, None if
            there is none.
        ignore_index: Ground-truth label of pixels to ignore.
        ignore: Rule for these, ``'background'`` or ``'mask'``; see the
            module's text.

    Returns:
        np.ndarray: (C, 4) int64: predicted contour pixels, how many of them
        match, true contour pixels, how many of them match. Counts of several
        images add up.

    Raises:
        ValueError: If the sizes differ or ``ignore`` is unknown.
    """
    check_option('ignore', ignore, IGNORE_RULES)
    if prediction.shape != ground_truth.shape or prediction.ndim != 2:
        raise ValueError(
            'prediction and ground truth must be (H, W) of one size, got '
            f'{prediction.shape} and {ground_truth.shape}'
        )
    ignored = ground_truth == ignore_index
    valid = ~ignored
    seen = prediction[valid] if ignore == 'mask' else prediction
    present = np.union1d(np.unique(seen), np.unique(ground_truth[valid]))
    radius = contour_tolerance(*prediction.shape, tolerance)
    disk = _disk(radius)
    counts = np.zeros((num_classes, 4), dtype=np.int64)
    for k in present:
        if k == background_index or not 0 <= k < num_classes:
            continue
        guess, truth = prediction == k, (ground_truth == k) & valid
        if ignore == 'mask':
            guess &= valid
        box = _box(guess | truth)
        contours = boundary_map(guess[box]), boundary_map(truth[box])
        near = [cv2.dilate(c.astype(np.uint8), disk) > 0 for c in contours]
        counts[k] = (
            contours[0].sum(),
            (contours[0] & near[1]).sum(),
            contours[1].sum(),
            (contours[1] & near[0]).sum(),
        )
    return counts


def contour_scores(
    counts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn counts into precision, recall and F = 2PR / (P + R).

    Args:
        counts: (C, 4) of :func:`contour_counts`, over any number of images.

    Returns:
        tuple: Precision, recall and F (C,), in percent. All are NaN for a
        class without a contour in both maps, and 0 for one with a contour in
        only one of them.
    """
    predicted, right, true, found = counts.astype(np.float64).T
    precision = right / np.maximum(predicted, 1)
    recall = found / np.maximum(true, 1)
    both = precision + recall
    f = 2 * precision * recall / np.where(both == 0, 1, both)
    absent = predicted + true == 0
    return tuple(
        np.where(absent, np.nan, 100 * score)
        for score in (precision, recall, f)
    )


def mean_score(scores: np.ndarray) -> float:
    """Compute the mean over the classes that occur, NaN if none does.

    Args:
        scores: (C,), NaN for classes that do not occur.

    Returns:
        float: The mean.
    """
    occur = scores[~np.isnan(scores)]
    return float(occur.mean()) if occur.size else float('nan')


def _disk(radius: int) -> np.ndarray:
    """Return a disk of a radius in pixels, (2r + 1, 2r + 1) uint8."""
    offset = np.arange(-radius, radius + 1) ** 2
    inside = offset[:, None] + offset <= radius**2
    return inside.astype(np.uint8)


def _box(mask: np.ndarray) -> tuple[slice, slice]:
    """Return the bounding box with a margin of one pixel, if possible."""
    ends = []
    for axis in (1, 0):
        at = np.flatnonzero(mask.any(axis))
        ends.append(slice(max(at[0] - 1, 0), at[-1] + 2))
    return tuple(ends)
