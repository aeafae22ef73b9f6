"""Class activation maps: normalisation, background score, seed labels.

Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR
2016, https://arxiv.org/abs/1512.04150.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..utils import check_option

EPS = 1e-5
NORMALISATIONS = ('max', 'min_max')


def normalise_cam(cam: Tensor, mode: str = 'max') -> Tensor:
    """Scale each class's map to [0, 1].

    'max' is ReLU(M) / (max ReLU(M) + eps): Eq. 4 of HFPL (WACV 2024), Eq. 2
    of OCR (CVPR 2023), as in PSA and IRN. 'min_max' also subtracts the map's
    minimum, ReLU(R - min R - eps) / (max R - min R + eps) of
    R = ReLU(M), as the code of SEAM and HFPL does; both agree where R reaches
    0. Gradients flow through the minimum and the maximum too.

    Args:
        cam: Raw scores (..., H, W), unbounded, any float dtype.
        mode: 'max' or 'min_max'.

    Returns:
        Tensor: Maps of the same shape in [0, 1]. A map without a positive
        score is 0 everywhere.

    Raises:
        ValueError: If ``mode`` is unknown.

    Examples:
        >>> cam = torch.tensor([[[-1.0, 0.0], [2.0, 4.0]]])
        >>> normalise_cam(cam).round(decimals=2)
        tensor([[[0.0000, 0.0000],
                 [0.5000, 1.0000]]])
    """
    check_option('mode', mode, NORMALISATIONS)
    cam = cam.relu()
    highest = cam.amax((-2, -1), keepdim=True)
    if mode == 'max':
        return cam / (highest + EPS)
    lowest = cam.amin((-2, -1), keepdim=True)
    return (cam - lowest - EPS).relu() / (highest - lowest + EPS)


def background_score(
    cam: Tensor,
    constant: float = 0.3,
    alpha: float | None = None,
) -> Tensor:
    """Compute the background score of normalised CAMs.

    Args:
        cam: Scores (..., K, H, W) in [0, 1] of the K foreground classes.
        constant: The score of every pixel, in [0, 1], where ``alpha`` is
            None.
        alpha: If given, the score is (1 - max over classes) ** alpha (PSA).

    Returns:
        Tensor: Scores (..., 1, H, W) in [0, 1].
    """
    # Rounding may carry a score a little beyond 1.
    if alpha is not None:
        return (1 - cam.amax(-3, keepdim=True)).clamp(min=0) ** alpha
    return torch.full_like(cam[..., :1, :, :], constant)


def winning_scores(cam: Tensor) -> Tensor:
    """Compute scores of which each cell has one class and the background.

    Args:
        cam: Scores (N, K, h, w) in [0, 1] of the foreground classes.

    Returns:
        Tensor: (N, K + 1, h, w): 1 - max over the classes, then the classes,
        0 where another one is larger.
    """
    best = cam.amax(1, keepdim=True)
    return torch.cat([1 - best, cam.where(cam == best, 0)], 1)


def label_from_scores(scores: Tensor, image_labels: Tensor) -> Tensor:
    """Return the best class of each pixel among the candidates.

    Args:
        scores: Scores (C, H, W) over all classes, the background's included.
        image_labels: Multi-hot candidates (C,).

    Returns:
        Tensor: Labels (H, W), int64.

    Raises:
        ValueError: If lengths differ or there is no candidate.
    """
    if image_labels.shape != scores.shape[:1]:
        raise ValueError(
            f'image_labels must be ({len(scores)},) for scores '
            f'{tuple(scores.shape)}, got {tuple(image_labels.shape)}'
        )
    candidates = image_labels.nonzero().flatten().to(scores.device)
    if not len(candidates):
        raise ValueError('an image without any candidate class has no label')
    return candidates[scores[candidates].argmax(0)]
