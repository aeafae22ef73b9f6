"""Evaluation of label files on disk against masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from mmseg.evaluation.metrics import IoUMetric
from PIL import Image


def evaluate_label_files(
    label_dir: str | Path,
    mask_dir: str | Path,
    stems: Iterable[str],
    classes: Sequence[str],
    ignore_index: int = 255,
) -> dict:
    """Compare label PNGs with masks, pixel by pixel over all images.

    Label pixels of 254 or 255 are wrong wherever the mask is valid.

    Args:
        label_dir: Folder of ``<stem>.png`` labels.
        mask_dir: Folder of ``<stem>.png`` masks.
        stems: Names of the images.
        classes: The C class names.
        ignore_index: Mask value of the pixels that do not count.

    Returns:
        dict: ``mIoU`` in percent, ``IoU`` {class: percent}, NaN for classes
        in neither labels nor masks, and ``images``, their number.

    Raises:
        FileNotFoundError: If a label or a mask is missing.
        ValueError: If their sizes differ.
    """
    num_classes = len(classes)
    totals = np.zeros((3, num_classes))
    images = 0
    for stem in stems:
        label = _read(Path(label_dir) / f'{stem}.png')
        mask = _read(Path(mask_dir) / f'{stem}.png')
        if label.shape != mask.shape:
            raise ValueError(
                f'{stem}: the label has size {label.shape}, the mask '
                f'{mask.shape}'
            )
        intersect, union, of_label, of_mask = IoUMetric.intersect_and_union(
            torch.from_numpy(label),
            torch.from_numpy(mask),
            num_classes,
            ignore_index,
        )
        totals += np.stack([intersect, of_label, of_mask])
        images += 1
    intersect, of_label, of_mask = totals
    union = of_label + of_mask - intersect
    with np.errstate(invalid='ignore'):
        iou = 100 * intersect / union
    return {
        'mIoU': float(np.nanmean(iou)),
        'IoU': dict(zip(classes, iou.tolist(), strict=True)),
        'images': images,
    }


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)
