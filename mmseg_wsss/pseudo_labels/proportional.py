r"""Proportional pseudo masks, and smoothing by the coefficient of variation.

Li, Kuang, Liu, Chen and Zhang, "Pseudo-mask Matters in Weakly-supervised
Semantic Segmentation" (PMM), ICCV 2021, https://arxiv.org/abs/2108.12995.

*Smoothing.* A map v of one class, in [0, 1], whose values spread widely is
lifted more than an even one. With the mean and the standard deviation of the
values above 0.05

.. math::
    c = 0.3 \, \frac{\mathrm{std}(v)}{\mathrm{mean}(v)}, \qquad
    s = v^{1 - c}, \qquad s = 0 \text{ where } v \le 0.05

*Proportional masks.* Each class is set against the background alone. Where
several classes win, the one whose score is a larger part of its own area has
the pixel, so that small objects stay in front of large ones:

.. math::
    f_k = [\mathrm{CRF}((1 - s_k)^{11}, s_k) > 0.5], \qquad
    w_k = \frac{v_k}{1 + \sum_p v_k(p) f_k(p)}, \qquad
    \mathrm{label} = \arg\max_{k : f_k = 1} w_k

and background where no class wins. Only classes with f_k = 1 compete, also
where their map is 0. The published settings of the CRF are PSA's with the
weight 10 of the smoothness kernel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from .cam import background_score
from .crf_params import CRFParams
from .dense_crf import SLACK, DenseCRF, scores_to_unary

SMOOTHING, THRESHOLD, ALPHA = 0.3, 0.05, 11
PMM_CRF = dict(preset='psa', gaussian_compat=10)


def check_smoothing(smoothing: float, threshold: float) -> None:
    """Check the options of :func:`smooth_cam`.

    Raises:
        ValueError: If one is out of range.
    """
    if not smoothing >= 0 or not 0 < threshold < 1:
        raise ValueError(
            'smoothing must be >= 0 and threshold in (0, 1), got '
            f'smoothing={smoothing}, threshold={threshold}'
        )


def smooth_cam(
    cam: np.ndarray,
    smoothing: float = SMOOTHING,
    threshold: float = THRESHOLD,
) -> np.ndarray:
    """Compute maps raised by the coefficient of variation of each class.

    Args:
        cam: Normalised CAMs (K, H, W) in [0, 1], any float dtype.
        smoothing: Factor of the coefficient, >= 0; 0 leaves the values as
            they are. c is at most 1; with the published 0.3 and 0.05 it stays
            below 0.64.
        threshold: Values up to this are set to 0 and do not count, in (0, 1).

    Returns:
        np.ndarray: Smoothed maps (K, H, W) in [0, 1], float32.

    Raises:
        ValueError: If the shape or an option does not fit.

    Examples:
        >>> smooth_cam(np.array([[[0.1, 0.3]]])).round(4)
        array([[[0.1413, 0.3594]]], dtype=float32)
    """
    check_smoothing(smoothing, threshold)
    _check_cam(cam)
    smoothed = np.zeros(cam.shape, np.float32)
    clipped = cam.astype(np.float64).clip(0, 1)
    for values, out in zip(clipped, smoothed, strict=True):
        strong = values > threshold
        if strong.any():
            kept = values[strong]
            c = min(smoothing * kept.std() / kept.mean(), 1.0)
            out[strong] = kept ** (1 - c)
    return smoothed


def proportional_label(
    image: np.ndarray,
    cam: np.ndarray,
    smoothing: float = SMOOTHING,
    alpha: float = ALPHA,
    threshold: float = THRESHOLD,
    params: str | CRFParams | Mapping | None = PMM_CRF,
) -> np.ndarray:
    """Compute a label from one foreground mask of each class.

    Args:
        image: RGB image (H, W, 3), uint8.
        cam: Normalised CAMs (K, H, W) in [0, 1] of the image's labels.
        smoothing: See :func:`smooth_cam`.
        alpha: Exponent of the background score, > 0.
        threshold: See :func:`smooth_cam`.
        params: Settings of the CRFs, or None for no CRF: a class is then
            foreground where s > (1 - s) ** alpha, from 0.1556 on for 11.

    Returns:
        np.ndarray: (H, W), uint8: 0 background, k + 1 for row k of ``cam``.

    Raises:
        ValueError: If shapes, dtype, values or options do not fit.
        ImportError: If pydensecrf is missing.

    Examples:
        >>> image = np.zeros((1, 3, 3), np.uint8)
        >>> cam = np.array([[[0.9, 0.9, 0.9]], [[0.0, 0.5, 0.0]]])
        >>> proportional_label(image, cam, params=None)
        array([[1, 2, 1]], dtype=uint8)
    """
    if not alpha > 0:
        raise ValueError(f'alpha must be > 0, got {alpha}')
    smoothed = smooth_cam(cam, smoothing, threshold)
    if cam.shape[1:] != image.shape[:2]:
        raise ValueError(
            f'cam must be (K, H, W) of the size of the image '
            f'{image.shape[:2]}, got {cam.shape}: resize it first'
        )
    label = np.zeros(image.shape[:2], np.uint8)
    if not cam.size:
        return label
    crf = None if params is None else DenseCRF(image, 2, params)
    background = background_score(
        torch.from_numpy(smoothed)[:, None], alpha=alpha
    ).numpy()[:, 0]
    best = np.full(image.shape[:2], -1.0)
    for k, v in enumerate(cam.astype(np.float64)):
        scores = np.stack([background[k], smoothed[k]])
        if crf is not None:
            scores = crf.marginals(scores_to_unary(scores))
        foreground = scores[1] > scores[0]
        share = v / (1 + v[foreground].sum())
        wins = foreground & (share > best)
        label[wins], best[wins] = k + 1, share[wins]
    return label


def _check_cam(cam: np.ndarray) -> None:
    if cam.ndim != 3 or not np.issubdtype(cam.dtype, np.floating):
        raise ValueError(
            f'cam must be float maps (K, H, W), got {cam.dtype} {cam.shape}'
        )
    # NaN fails both comparisons.
    if cam.size and not (cam.min() >= -SLACK and cam.max() <= 1 + SLACK):
        raise ValueError(
            f'cam must lie in [0, 1], got {cam.min():.3g} to {cam.max():.3g}'
            ': normalise it first'
        )
