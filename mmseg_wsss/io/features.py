"""Feature files: ``<stem>.npy``, float16 (D, h, w)."""

from __future__ import annotations

import os

import numpy as np

from .atomic import atomic_write


def save_features(path: str | os.PathLike, features: np.ndarray) -> None:
    """Write the dense features of one image (``.npy``, float16).

    Args:
        path: File to write.
        features: Features (D, h, w), of any floating type.

    Raises:
        ValueError: If the shape is another, or a value is not a number that
            float16 holds (up to 65504).
    """
    if features.ndim != 3 or not features.size:
        raise ValueError(
            f'{path}: expected features (D, h, w), got {features.shape}'
        )
    with np.errstate(over='ignore'):
        stored = features.astype(np.float16)
    if not np.isfinite(stored).all():
        raise ValueError(
            f'{path}: a feature is infinite, not a number, or larger than '
            'the 65504 of float16; are the weights complete, and is the image '
            'normalised as the network needs it?'
        )
    with atomic_write(path) as part:
        np.save(part, stored, allow_pickle=False)


def load_features(path: str | os.PathLike) -> np.ndarray:
    """Read the dense features of one image.

    Args:
        path: File written by :func:`save_features`.

    Returns:
        np.ndarray: Features (D, h, w), float16, finite.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or is something else.
    """
    try:
        features = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f'{path} is not a feature file: {error}') from error
    if not isinstance(features, np.ndarray) or features.ndim != 3:
        found = getattr(features, 'shape', 'several arrays')
        raise ValueError(
            f'{path} is not a feature file: expected (D, h, w), got {found}'
        )
    if features.dtype != np.float16 or not features.size:
        raise ValueError(
            f'{path} is not a feature file: expected float16, got '
            f'{features.dtype} {features.shape}'
        )
    if not np.isfinite(features).all():
        raise ValueError(
            f'{path} is damaged: a feature is not a finite number; remove '
            'the file and run tools/extract_features.py again'
        )
    return features
