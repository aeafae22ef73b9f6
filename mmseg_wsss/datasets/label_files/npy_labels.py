"""Reader of ``cls_labels.npy``, which does not execute what it reads.

The label files of the field (PSA, IRN, SEAM, MCTformer) are 0-d object arrays
around a pickled dict ``{image: multi-hot vector}``. They are passed around by
web drives, and NumPy's ``allow_pickle=True`` would run whatever they contain.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .safe_pickle import BROKEN_PICKLE, StandInArray, load_pickle


def read_npy(path: Path) -> tuple[list[tuple[str, np.ndarray]], int]:
    """Read a ``cls_labels.npy``.

    Keys are strings (``'2007_000032'``) or IRN's integers (``2007000032``,
    the underscore of a VOC id taken out); the latter are turned back.

    Args:
        path: The file.

    Returns:
        tuple: Pairs of an image and its multi-hot vector, uint8 (K,), and K.

    Raises:
        ValueError: If the file is not such a dict, if its pickle names a
            global that is not admitted, or if vectors are not multi-hot or
            differ in length.
    """
    with path.open('rb') as file:
        try:
            content = _read_object(file)
        except BROKEN_PICKLE as exc:
            raise ValueError(f'cannot read {path}: {exc}') from exc
    if not isinstance(content, dict) or not content:
        raise ValueError(
            f'{path} must hold a dict of image: multi-hot vector, got '
            f'{"an empty dict" if content == {} else type(content).__name__}'
        )
    pairs = [
        (_image_name(key, path), _multi_hot(value, key, path))
        for key, value in content.items()
    ]
    lengths = sorted({len(vector) for _, vector in pairs})
    if len(lengths) != 1:
        raise ValueError(f'{path} has vectors of different lengths {lengths}')
    return pairs, lengths[0]


def _read_object(file: BinaryIO) -> Any:
    """Read the object inside a 0-d object array of the npy format."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        header = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        header = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f'npy format version {version} is not known')
    shape, _, dtype = header
    if shape != () or not dtype.hasobject:
        raise ValueError(
            f'it is a plain array of shape {shape} and dtype {dtype}, not a '
            'saved dict of image: multi-hot vector'
        )
    content = load_pickle(file)
    if isinstance(content, StandInArray):
        (content,) = content.content
    return content


def _image_name(key: Any, path: Path) -> str:
    if isinstance(key, str):
        return str(key)
    digits = str(key) if isinstance(key, (int, np.integer)) else ''
    if len(digits) != 10 or not digits.isdigit():
        raise ValueError(
            f'{path} has the key {key!r}; a key must be an image name or a '
            'VOC id of ten digits such as 2007000032'
        )
    return f'{digits[:4]}_{digits[4:]}'


def _multi_hot(value: Any, key: Any, path: Path) -> np.ndarray:
    value = value.content if isinstance(value, StandInArray) else value
    try:
        vector = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.empty((0, 0))
    if vector.ndim != 1 or not ((vector == 0) | (vector == 1)).all():
        raise ValueError(
            f'{path}: the label of {key!r} must be one vector of zeros and '
            f'ones, got {str(value)[:60]}'
        )
    return vector.astype(np.uint8)
