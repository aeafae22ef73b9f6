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


def read_pseudo_label(
    folder: Path, img_path: Path, size: tuple[int, int]
) -> np.ndarray:
    """Read the pseudo label of an image, as it is on disk.

    Args:
        folder: Folder of the files ``<stem>.png``.
        img_path: Path of the image.
        size: Height and width of the image.

    Returns:
        np.ndarray: Labels (H, W), uint8.

    Raises:
        ValueError: If there is none, or it is damaged or of another size.
    """
    name = os.path.splitext(os.path.basename(img_path))[0]
    path = os.path.join(folder, f'{name}.png')
    try:
        label = read_label(path)
    except FileNotFoundError as error:
        raise ValueError(
            f'the image has no pseudo label {path}: does label_dir have those '
            'of other images, as of the training set?'
        ) from error
    except OSError as error:
        raise ValueError(f'{path} is damaged: {error}') from error
    if label.dtype != np.uint8 or label.shape != size:
        raise ValueError(
            f'{path} is {label.dtype} {label.shape}, a pseudo label of '
            f'the image is uint8 {size}'
        )
    return label


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
    _check_labels(path, label, len(palette))
    _write_png(path, label, palette)


def _check_labels(path: Path, label: np.ndarray, count: int) -> None:
    known = (label >= 0) & (label < count)
    if not (known | np.isin(label, (BIASED_LABEL, IGNORE_LABEL))).all():
        raise ValueError(
            f'{path}: labels must be in [0, {count}) or 254 or 255, got '
            f'{np.unique(label).tolist()[:20]}'
        )


def _write_png(
    path: Path, label: np.ndarray, palette: Sequence[Sequence[int]]
) -> None:
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
    _check_labels(path, label, len(on_disk))
    reserved = (BIASED_LABEL, IGNORE_LABEL)
    table = np.zeros(IGNORE_LABEL + 1, dtype=np.uint8)
    table[: len(on_disk)] = on_disk
    table[list(reserved)] = reserved
    _write_png(path, table[label], palette)
