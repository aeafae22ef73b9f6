"""Label files on disk: written, read, and compared with masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from mmseg.registry import TRANSFORMS
from PIL import Image

from ..datasets.class_ids import ids_on_disk
from ..fileio import BIASED_LABEL, IGNORE_LABEL, MAX_CLASSES, save_label
from .areas import area_counts

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


def write_label_file(path: Path, label: np.ndarray, meta: Mapping) -> None:
    """Write labels as a PNG that a data set's pipeline reads like a mask.

    Args:
        path: File to write, whole or not at all.
        label: Labels (H, W), integer, over the classes in use; 254 and 255
            stay what they are.
        meta: The data set's ``metainfo``.

    Raises:
        ValueError: If a label is neither a class nor 254 or 255, or a class
            index does not fit 8 bits beside those two.
    """
    on_disk = ids_on_disk(meta)
    if max(on_disk) >= MAX_CLASSES:
        raise ValueError(
            f'class index {max(on_disk)} does not fit an 8-bit label with '
            '254 and 255 reserved'
        )
    palette = np.zeros((max(on_disk) + 1, 3), dtype=np.uint8)
    palette[on_disk] = meta['palette']
    reserved = (BIASED_LABEL, IGNORE_LABEL)
    unknown = (label < 0) | (label >= len(on_disk))
    if (unknown & ~np.isin(label, reserved)).any():
        raise ValueError(
            f'{path}: labels must be in [0, {len(on_disk)}) or 254 or 255, '
            f'got {np.unique(label).tolist()[:20]}'
        )
    table = np.zeros(IGNORE_LABEL + 1, dtype=np.uint8)
    table[: len(on_disk)] = on_disk
    table[list(reserved)] = reserved
    save_label(path, table[label], palette)


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
        label, mask = read(label_path), read(mask_path)
        if label.shape != mask.shape:
            raise ValueError(
                f'{label_path} has size {label.shape}, {mask_path} '
                f'{mask.shape}'
            )
        totals += area_counts(
            label, mask, num_classes, ignore_index, str(mask_path)
        )
    return totals
