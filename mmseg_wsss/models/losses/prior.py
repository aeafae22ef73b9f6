"""Prior correlation of classes from image labels (OCR, CVPR 2023, Eq. 7)."""

from __future__ import annotations

import os

import numpy as np
import torch
from torch import Tensor

from ...utils import check_option

PRIOR_NORMS = ('joint', 'conditional')


def prior_correlation(
    counts: Tensor | np.ndarray, num_images: int, norm: str = 'joint'
) -> Tensor:
    """Prior correlation M from co-occurrence counts (Eq. 7).

    Args:
        counts: N[k, l] (C, C), the number of images with both classes; the
            diagonal is the number of images with the class.
        num_images: L, the number of images.
        norm: 'joint' is Eq. 7, M = N / L. 'conditional' divides each row by
            its class's count, M[k, l] = P(l | k) and M[k, k] = 1. Only this
            one lets Eq. 9 tell foreground classes apart: on VOC joint values
            between foreground classes stay below 0.05.

    Returns:
        Tensor: M (C, C), float32 in [0, 1]. Rows of unseen classes are 0.

    Raises:
        ValueError: If ``norm`` is unknown or ``counts`` is not square.
    """
    check_option('prior_norm', norm, PRIOR_NORMS)
    counts = torch.as_tensor(counts).double()
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(
            f'co-occurrence must be square (C, C), got {tuple(counts.shape)}'
        )
    if norm == 'joint':
        return (counts / max(num_images, 1)).float()
    return (counts / counts.diagonal().clamp(min=1e-12)[:, None]).float()


def read_joint_frequency(prior: object) -> np.ndarray:
    """Read a joint frequency matrix (Eq. 7).

    Args:
        prior: A matrix (C, C), or the path of a ``.npy`` file with one.

    Returns:
        np.ndarray: M (C, C), float64 in [0, 1].

    Raises:
        ValueError: If it cannot be read, or is not such a matrix.
    """
    if isinstance(prior, str | os.PathLike):
        try:
            prior = np.load(prior, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ValueError(
                "prior must be None, 'auto', a matrix or the path of a .npy "
                f'file with one; {prior!r} cannot be read: {error}'
            ) from error
    matrix = np.asarray(prior, dtype=np.float64)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not square or not ((matrix >= 0) & (matrix <= 1)).all():
        raise ValueError(
            'the prior must be a square matrix (C, C) of joint frequencies in '
            f'[0, 1], i.e. counts divided by the number of images; got shape '
            f'{matrix.shape}'
        )
    return matrix
