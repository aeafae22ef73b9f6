"""Image labels on disk: load any of the field's formats, save one.

The format that is saved is JSON, which names the classes, does not depend on
their order, and reads well in a diff::

    {"2007_000032": ["aeroplane", "person"], ...}
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ...io.atomic import atomic_write
from ...utils import check_option
from .coco_labels import looks_like_coco, read_coco
from .csv_labels import read_csv
from .npy_labels import read_npy
from .readers import Pairs, parse_json, read_json
from .table import ImageLabels
from .voc_labels import read_voc_xml

# Rows that are floats at a time.
_ROWS = 4096
_BY_SUFFIX = {
    '.json': 'auto',
    '.npy': 'npy',
    **dict.fromkeys(('.csv', '.tsv', '.txt'), 'csv'),
}
_SPREADSHEETS = ('.xlsx', '.xls', '.xlsm', '.ods', '.numbers')
FORMATS = ('auto', 'json', 'npy', 'voc_xml', 'coco', 'csv')


def load_image_labels(
    path: str | os.PathLike,
    file_format: str = 'auto',
    include_difficult: bool = True,
) -> ImageLabels:
    """Load image labels.

    Args:
        path: A file, or the folder of a VOC data set's ``*.xml``.
        file_format: ``'json'`` (see above), ``'npy'`` (``cls_labels.npy`` with
            string keys, or integers of VOC and COCO), ``'voc_xml'``,
            ``'coco'`` (instances JSON), ``'csv'`` (also of tabs, ``.tsv``,
            ``.txt``); ``'auto'`` goes by suffix and, for JSON, content.
        include_difficult: Count VOC objects marked difficult.

    Returns:
        ImageLabels: The labels by stem.

    Raises:
        FileNotFoundError: If there is nothing at ``path``.
        ValueError: If the format is unknown or the content does not fit it.
    """
    pairs, names = read_label_pairs(path, file_format, include_difficult)
    return ImageLabels(pairs, names, str(path))


def read_label_pairs(
    path: str | os.PathLike,
    file_format: str = 'auto',
    include_difficult: bool = True,
) -> tuple[Pairs | list[tuple[str, np.ndarray]], tuple[str, ...] | None]:
    """Load image labels by the names of images as the file has them.

    Two of them may have one stem. Arguments and errors are those of
    :func:`load_image_labels`.

    Returns:
        tuple: Pairs of an image and its class names, and the class names that
        the file declares; of an npy file vectors, and None.
    """
    path = Path(path)
    check_option('file_format', file_format, FORMATS)
    if not path.exists():
        raise FileNotFoundError(f'there is no image-label file at {path}')
    if file_format == 'auto':
        file_format = _guess_format(path)
    if path.is_dir() != (file_format == 'voc_xml'):
        raise ValueError(
            f'{path} is {"a folder" if path.is_dir() else "a file"}, which '
            f"does not fit file_format='{file_format}'"
        )
    if file_format == 'npy':
        return read_npy(path)[0], None
    if file_format == 'voc_xml':
        return read_voc_xml(path, include_difficult)
    if file_format == 'csv':
        return read_csv(path)
    if file_format == 'coco':
        return read_coco(path)
    if file_format == 'json':
        return read_json(path)
    content = parse_json(path)
    read = read_coco if looks_like_coco(content) else read_json
    return read(path, content)


def save_image_labels(
    path: str | os.PathLike, labels: Mapping[str, Iterable[str]]
) -> None:
    """Save image labels as JSON, sorted, one image per line, atomically.

    Args:
        path: The file to write; missing folders are created.
        labels: ``{stem: class names}``.

    Raises:
        ValueError: If a label is not a collection of class names.
    """
    lines = []
    for stem, names in sorted(labels.items()):
        names = [names] if isinstance(names, str) else list(names)
        if isinstance(labels[stem], str) or not all(
            isinstance(name, str) for name in names
        ):
            raise ValueError(
                f"the label of '{stem}' must be a collection of class names, "
                f'got {labels[stem]!r}'
            )
        key = json.dumps(stem, ensure_ascii=False)
        lines.append(f'{key}: {json.dumps(names, ensure_ascii=False)}')
    text = '{\n' + ',\n'.join(lines) + '\n}\n'
    with atomic_write(path) as part:
        part.write_text(text, encoding='utf-8', newline='\n')


def cooccurrence(labels: np.ndarray) -> np.ndarray:
    """Count the images in which classes occur together.

    Args:
        labels: Multi-hot labels (L, C) of L images.

    Returns:
        np.ndarray: int64 (C, C), symmetric; entry (k, l) is the number of
        images that contain both k and l, entry (k, k) those with k.

    Raises:
        ValueError: If ``labels`` is not a matrix.
    """
    present = np.asarray(labels) > 0
    if present.ndim != 2:
        raise ValueError(f'labels must be (L, C), got shape {present.shape}')
    counts = np.zeros((present.shape[1],) * 2, dtype=np.int64)
    for start in range(0, len(present), _ROWS):
        # Floats multiply fast, and count exactly far beyond this.
        part = present[start : start + _ROWS].astype(np.float64)
        counts += (part.T @ part).astype(np.int64)
    return counts


def single_label_counts(labels: np.ndarray) -> np.ndarray:
    """Count the images that have one class and no other.

    Args:
        labels: Multi-hot labels (L, C) of L images.

    Returns:
        np.ndarray: int64 (C,), images with class k only.
    """
    present = np.asarray(labels) > 0
    return present[present.sum(1) == 1].sum(0)


def _guess_format(path: Path) -> str:
    """Return the format by suffix; 'auto' for JSON, known by its content."""
    if path.is_dir():
        return 'voc_xml'
    suffix = path.suffix.lower()
    if suffix in _SPREADSHEETS:
        raise ValueError(
            f'{path} is a spreadsheet: save it as "CSV UTF-8" and give that '
            'file'
        )
    if suffix not in _BY_SUFFIX:
        raise ValueError(
            f"cannot tell the format of {path} by its suffix '{suffix}': "
            'name a table .csv, .tsv or .txt, JSON .json, vectors of NumPy '
            '.npy, or give a folder of VOC *.xml'
        )
    return _BY_SUFFIX[suffix]
