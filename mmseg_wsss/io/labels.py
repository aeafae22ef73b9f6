"""Label maps on disk: 8-bit palette PNG files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mmseg.registry import TRANSFORMS
from PIL import Image

from ..structures.labels import BIASED_LABEL, IGNORE_LABEL, MAX_CLASSES
from .atomic import atomic_write
from .class_ids import original_class_ids

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


def save_label(
    path: str | os.PathLike,
    label: np.ndarray,
    palette: Sequence[Sequence[int]],
) -> None:
    """Write a label map as an 8-bit palette PNG.

    Args:
        path: File to write.
        label: Integer labels (H, W): class indices, 255 to ignore, 254 for
            biased pixels.
        palette: One RGB triple of 0 to 255 per class.

    Raises:
        ValueError: If a label is neither a class nor 254 or 255.
    """
    known = (label >= 0) & (label < len(palette))
    if not (known | np.isin(label, (BIASED_LABEL, IGNORE_LABEL))).all():
        raise ValueError(
            f'{path}: labels must be in [0, {len(palette)}) or 254 or 255, '
            f'got {np.unique(label).tolist()[:20]}'
        )
    colours = np.zeros((256, 3), dtype=np.uint8)
    colours[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    colours[BIASED_LABEL] = 128
    colours[IGNORE_LABEL] = 255
    image = Image.fromarray(label.astype(np.uint8), mode='L')
    image.putpalette(colours.tobytes())
    with atomic_write(path) as part:
        image.save(part, format='PNG')


def write_label_file(path: Path, label: np.ndarray, meta: Mapping) -> None:
    """Write labels as a PNG that a data set's pipeline reads like a mask.

    Args:
        path: File to write.
        label: Labels (H, W), integer, over the classes in use; 254 and 255
            stay what they are.
        meta: The data set's ``metainfo``.

    Raises:
        ValueError: If a label is neither a class nor 254 or 255, or a class
            index does not fit 8 bits beside those two.
    """
    on_disk = original_class_ids(meta)
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
