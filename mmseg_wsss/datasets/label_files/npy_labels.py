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

_VOC_YEARS = {str(year) for year in range(2005, 2013)}


def read_npy(path: Path) -> tuple[list[tuple[str, np.ndarray]], int]:
    """Read a ``cls_labels.npy``.

    Keys are strings (``'2007_000032'``) or integers: a VOC id without its
    underscore, ``2007000032``, as IRN writes it, or a COCO id, ``139``, which
    becomes the name of COCO's file since 2017, ``'000000000139'``.

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
    whole = isinstance(key, (int, np.integer)) and not isinstance(key, bool)
    if whole and 0 < key < 10**6:
        return f'{key:012d}'
    if whole and str(key)[:4] in _VOC_YEARS and len(str(key)) == 10:
        return f'{str(key)[:4]}_{str(key)[4:]}'
    raise ValueError(
        f'{path} has the key {key!r}; a key must be an image name, a VOC id '
        'of ten digits such as 2007000032, or a COCO id of at most six such '
        'as 139: save the dict with the names of the images as its keys'
    )


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
