"""CAM files: ``<stem>.npz`` with ``classes`` (K,) and ``cam`` (K, h, w)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .atomic import atomic_write
from .class_ids import original_class_ids

STRIDE = 4  # pixels per cell of a stored CAM


def save_cam(
    path: str | os.PathLike, classes: np.ndarray, cam: np.ndarray
) -> None:
    """Write the CAMs of one image (``.npz``, keys ``classes`` and ``cam``).

    Args:
        path: File to write.
        classes: Class indices (K,), integer, in the data set's full list;
            with the background's only where it has a map (SIPE).
        cam: Normalised CAMs (K, h, w) in [0, 1]; stored as float16.

    Raises:
        ValueError: If shapes do not fit or a value is outside [0, 1].
    """
    if cam.ndim != 3 or len(classes) != len(cam):
        raise ValueError(
            f'{path}: expected K classes and cam (K, h, w), got '
            f'{len(classes)} and {cam.shape}'
        )
    if cam.size and not (cam.min() >= 0 and cam.max() <= 1):
        raise ValueError(
            f'{path}: a CAM lies in [0, 1], got values from {cam.min():.3g} '
            f'to {cam.max():.3g}; does the network end in a CAMHead?'
        )
    with atomic_write(path) as part:
        np.savez_compressed(
            part,
            classes=np.asarray(classes, dtype=np.int64),
            cam=cam.astype(np.float16),
        )


def load_cam(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read the CAMs of one image.

    Args:
        path: File written by :func:`save_cam`.

    Returns:
        tuple: ``classes`` int64 (K,) and ``cam`` float16 (K, h, w) in
        [0, 1].

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            classes, cam = stored['classes'], stored['cam']
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f'{path} is not a CAM file: {error}') from error
    shapes_fit = classes.ndim == 1 and cam.ndim == 3
    types_fit = classes.dtype.kind in 'iu' and cam.dtype.kind == 'f'
    if not (shapes_fit and types_fit and len(classes) == len(cam)):
        raise ValueError(
            f'{path} is damaged: classes {classes.dtype} {classes.shape} and '
            f'cam {cam.dtype} {cam.shape} should be integer (K,) and float '
            '(K, h, w); write it again'
        )
    if cam.size and not (cam.min() >= 0 and cam.max() <= 1):
        raise ValueError(f'{path}: a CAM lies in [0, 1]; write it again')
    return classes, cam


def write_cam_file(
    path: Path, classes: Sequence[int], scores: Tensor, meta: Mapping
) -> None:
    """Write an image's foreground scores as a CAM file.

    They are stored at a quarter of the image's size, rounded up.

    Args:
        path: File to write.
        classes: Class in use of each row (K,).
        scores: Scores (K, H, W) in [0, 1], at the image's size.
        meta: The data set's ``metainfo``; the file holds the indices of its
            full list of classes.

    Raises:
        ValueError: If a score is outside [0, 1].
    """
    height, width = scores.shape[1:]
    size = (-(-height // STRIDE), -(-width // STRIDE))
    cam = torch.zeros(0, *size)
    if len(scores):
        cam = F.interpolate(scores.float()[None], size, mode='area')[0]
    on_disk = np.array(original_class_ids(meta), dtype=np.int64)
    save_cam(path, on_disk[list(classes)], cam.cpu().numpy())
