"""Evaluation of label files on disk against masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from mmseg.registry import TRANSFORMS
from PIL import Image

from .areas import area_counts, area_rates

Path = str | os.PathLike


def read_label(path: Path) -> np.ndarray:
    """Read a label PNG as it is, (H, W) uint8."""
    with Image.open(path) as image:
        return np.array(image)


def label_reader(dataset) -> Callable[[Path], np.ndarray]:
    """Return a reader that sees label files as a data set's pipeline does.

    Args:
        dataset: An MMSeg data set; its ``label_map`` and
            ``reduce_zero_label`` apply.

    Returns:
        Callable: path -> labels (H, W), uint8, over the classes in use.
    """
    load = TRANSFORMS.build(
        dict(type='LoadAnnotations', imdecode_backend='pillow')
    )

    def read(path: Path) -> np.ndarray:
        results = dict(
            seg_map_path=str(path),
            label_map=dataset.label_map,
            reduce_zero_label=dataset.reduce_zero_label,
            seg_fields=[],
        )
        return load(results)['gt_seg_map']

    return read


def evaluate_label_files(
    pairs: Iterable[tuple[Path, Path]],
    classes: Sequence[str],
    read: Callable[[Path], np.ndarray] = read_label,
    ignore_index: int = 255,
) -> dict:
    """Compare label files with masks, pixel by pixel over all images.

    Label pixels of 254 or 255 count as not predicted.

    Args:
        pairs: Paths (label, mask) of each image.
        classes: The C class names.
        read: Reads either file, see :func:`label_reader`.
        ignore_index: Mask value of the pixels that do not count.

    Returns:
        dict: ``mIoU`` in percent, ``IoU`` {class: percent}, NaN for classes
        in neither labels nor masks, and ``images``, their number.

    Raises:
        FileNotFoundError: If a label or a mask is missing.
        ValueError: If their sizes differ or a mask holds no class indices.
    """
    totals = np.zeros((len(classes), 3), dtype=np.int64)
    images = 0
    for label_path, mask_path in pairs:
        label, mask = read(label_path), read(mask_path)
        if label.shape != mask.shape:
            raise ValueError(
                f'{label_path} has size {label.shape}, {mask_path} '
                f'{mask.shape}'
            )
        totals += area_counts(
            label, mask, len(classes), ignore_index, str(mask_path)
        )
        images += 1
    iou = area_rates(totals)[0]
    return {
        'mIoU': float(np.nanmean(iou)),
        'IoU': dict(zip(classes, iou.tolist(), strict=True)),
        'images': images,
    }
