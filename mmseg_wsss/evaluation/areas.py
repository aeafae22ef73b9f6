"""Areas of predictions and masks: IoU and the shares of false pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..io.labels import Path, read_label


def label_of(sample: dict, field: str) -> np.ndarray:
    """Return a label map of a sample, on the CPU.

    Args:
        sample: A data sample as the test loop hands it to metrics.
        field: ``'pred_sem_seg'`` or ``'gt_sem_seg'``, (1, H, W) or (H, W).

    Returns:
        np.ndarray: Labels (H, W), integer.
    """
    label = sample[field]['data'].cpu().numpy()
    label = label.reshape(label.shape[-2:])
    return label.astype(np.int64) if label.dtype.kind == 'f' else label


def label_pair(sample: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return prediction and ground truth of a sample, on the CPU.

    Args:
        sample: A data sample as the test loop hands it to metrics, with
            ``pred_sem_seg`` and ``gt_sem_seg``, (1, H, W) or (H, W).

    Returns:
        tuple: Prediction and ground truth (H, W), integer.

    Raises:
        ValueError: If the ground truth is missing or has another size.
    """
    if 'gt_sem_seg' not in sample:
        raise ValueError(
            f'{sample.get("img_path")} has no mask to compare with: add '
            'LoadAnnotations to the test pipeline'
        )
    prediction = label_of(sample, 'pred_sem_seg')
    ground_truth = label_of(sample, 'gt_sem_seg')
    if prediction.shape != ground_truth.shape:
        raise ValueError(
            f'{sample.get("img_path")}: the prediction has size '
            f'{prediction.shape}, the mask {ground_truth.shape}; in the test '
            'pipeline LoadAnnotations belongs after Resize'
        )
    return prediction, ground_truth


def check_classes(
    truth: np.ndarray, num_classes: int, ignore_index: int, name: str
) -> None:
    """Check that ground-truth labels are classes.

    Args:
        truth: Labels of the pixels that count (n,), integer.
        num_classes: C, the number of classes.
        ignore_index: Label of the pixels that do not count.
        name: What to call the ground truth in an error.

    Raises:
        ValueError: If a label is outside [0, C).
    """
    if truth.size and not 0 <= truth.min() <= truth.max() < num_classes:
        raise ValueError(
            f'{name} holds labels from {truth.min()} to {truth.max()}, '
            f'expected 0 to {num_classes - 1} or {ignore_index}: are the '
            'classes those of the masks?'
        )


def confusion(
    prediction: np.ndarray,
    ground_truth: np.ndarray,
    num_classes: int,
    ignore_index: int = 255,
    name: str = 'the mask',
) -> np.ndarray:
    """Count the pixels by true class and label.

    Args:
        prediction: Labels (H, W), integer; values that are no class (254,
            255) count as not predicted.
        ground_truth: Labels (H, W), integer.
        num_classes: C, the number of classes.
        ignore_index: Ground-truth label of the pixels that do not count.
        name: What to call the ground truth in an error.

    Returns:
        np.ndarray: (C, C + 1) int64; the last column counts the pixels that
        were not predicted. Counts of several images add up.

    Raises:
        ValueError: If the sizes differ, or the ground truth holds a label
            that is no class.
    """
    if prediction.shape != ground_truth.shape:
        raise ValueError(
            f'the label has size {prediction.shape}, {name} '
            f'{ground_truth.shape}'
        )
    valid = ground_truth != ignore_index
    truth = ground_truth[valid].astype(np.int64)
    guess = prediction[valid].astype(np.int64)
    check_classes(truth, num_classes, ignore_index, name)
    guess[(guess < 0) | (guess >= num_classes)] = num_classes
    cells = truth * (num_classes + 1) + guess
    counts = np.bincount(cells, minlength=num_classes * (num_classes + 1))
    return counts.reshape(num_classes, num_classes + 1)


def areas_of(counts: np.ndarray) -> np.ndarray:
    """Reduce a :func:`confusion` to the areas of the classes.

    Args:
        counts: (C, C + 1), integer.

    Returns:
        np.ndarray: (C, 3): pixels right, predicted, and true.
    """
    square = counts[:, :-1]
    return np.stack([square.diagonal(), square.sum(0), counts.sum(1)], axis=1)


def area_counts(
    prediction: np.ndarray,
    ground_truth: np.ndarray,
    num_classes: int,
    ignore_index: int = 255,
    name: str = 'the mask',
) -> np.ndarray:
    """Count the pixels of each class.

    The arguments and errors are those of :func:`confusion`.

    Returns:
        np.ndarray: (C, 3) int64: pixels right, predicted, and true. Counts
        of several images add up.
    """
    return areas_of(
        confusion(prediction, ground_truth, num_classes, ignore_index, name)
    )


def area_rates(
    areas: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split each class's union into right, false and missed pixels.

    With TP, FP and FN pixels of a class and U = TP + FP + FN these are
    TP / U (the IoU), FP / U and FN / U, which add up to 100. The figures of
    MARS (ICCV 2023, Table 6) are such shares too; its FP and FN are means
    over the foreground classes, its mIoU is over all: 0.774 + 0.123 + 0.108
    is 1.005.

    Args:
        areas: Counts (..., C, 3) of :func:`area_counts`.

    Returns:
        tuple: IoU, FP share and FN share (..., C), in percent; NaN for
        classes that are neither predicted nor true.
    """
    right, predicted, true = np.moveaxis(areas.astype(np.float64), -1, 0)
    union = predicted + true - right
    with np.errstate(invalid='ignore'):
        return (
            100 * right / union,
            100 * (predicted - right) / union,
            100 * (true - right) / union,
        )


def pack_counts(counts: np.ndarray) -> np.ndarray:
    """Select the classes of an image that were counted at all.

    Args:
        counts: Counts per class (C, n), integer.

    Returns:
        np.ndarray: (K, 1 + n) int64: class index and counts.
    """
    present = np.flatnonzero(counts.any(axis=1))
    return np.column_stack([present, counts[present]]).astype(np.int64)


def sum_counts(packed: Sequence[np.ndarray], shape: tuple) -> np.ndarray:
    """Add the counts of several images up.

    Args:
        packed: One array of :func:`pack_counts` per image.
        shape: (C, n), that of the sum.

    Returns:
        np.ndarray: (C, n) int64.
    """
    total = np.zeros(shape, dtype=np.int64)
    for rows in packed:
        total[rows[:, 0]] += rows[:, 1:]
    return total


def label_areas(
    pairs: Iterable[tuple[Path, Path]],
    num_classes: int,
    read: Callable[[Path], np.ndarray] = read_label,
    ignore_index: int = 255,
) -> np.ndarray:
    """Compare label files with masks, pixel by pixel over all images.

    Label pixels of 254 or 255 count as not predicted.

    Args:
        pairs: Paths (label, mask) of each image.
        num_classes: C, the number of classes.
        read: Reads either file, see :func:`label_reader`.
        ignore_index: Mask value of the pixels that do not count.

    Returns:
        np.ndarray: (C, 3) int64: pixels right, predicted, and true. Areas of
        several ranks add up.

    Raises:
        FileNotFoundError: If a label or a mask is missing.
        ValueError: If their sizes differ or a mask holds no class indices.
    """
    totals = np.zeros((num_classes, 3), dtype=np.int64)
    for label_path, mask_path in pairs:
        totals += area_counts(
            read(label_path),
            read(mask_path),
            num_classes,
            ignore_index,
            f'{mask_path} (labels: {label_path})',
        )
    return totals
