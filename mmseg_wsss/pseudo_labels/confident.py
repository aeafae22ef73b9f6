"""Confident labels: what affinity networks learn pixel relations from.

PSA: https://arxiv.org/abs/1803.10464; IRN: https://arxiv.org/abs/1904.05044.

Where a class, or the background, wins even if the other side is favoured, a
seed can be trusted; elsewhere it is left open (255).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..structures.labels import IGNORE_LABEL
from .cam import background_score
from .crf_params import CRFParams
from .dense_crf import DenseCRF, labels_to_unary, scores_to_unary


def psa_confident_label(
    image: np.ndarray,
    cam: np.ndarray,
    low_alpha: float = 4,
    high_alpha: float = 32,
    params: str | CRFParams | Mapping = 'psa',
) -> np.ndarray:
    """Compute AffinityNet's confident label (PSA, CVPR 2018, Sec. 3.2).

    The background scores (1 - max CAM) ** alpha. A low alpha makes it strong:
    what stays foreground is sure. A high alpha makes it weak: what is still
    background is sure, and this wins if both happen. Each set of scores goes
    through a DenseCRF first.

    PSA's code keeps the two CRFs' scores and, in training, averages them in
    each cell before it takes the best class. Here each pixel decides first
    and the cells vote (:func:`~mmseg_wsss.pseudo_labels.reduce_label`): a
    mean-field CRF's marginals are close to 0 or 1, and the label is an
    ordinary PNG.

    Args:
        image: RGB image (H, W, 3), uint8.
        cam: Normalised CAMs (K, H, W) in [0, 1] of the image's labels.
        low_alpha: Exponent of the strong background.
        high_alpha: Exponent of the weak background.
        params: Settings of the CRFs.

    Returns:
        np.ndarray: (H, W), uint8: 0 background, k + 1 for row k of ``cam``,
        255 unsure.

    Raises:
        ValueError: If shapes, dtype or values do not fit.
        ImportError: If pydensecrf is missing.
    """
    crf = DenseCRF(image, len(cam) + 1, params)
    if not len(cam):
        return np.zeros(image.shape[:2], np.uint8)
    cam = cam.copy()  # PyTorch takes no flipped view

    def best(alpha: float) -> np.ndarray:
        background = background_score(torch.from_numpy(cam), alpha=alpha)
        scores = np.concatenate([background.numpy(), cam])
        return crf.marginals(scores_to_unary(scores)).argmax(0)

    strong, weak = best(low_alpha), best(high_alpha)
    label = np.where(strong == 0, IGNORE_LABEL, strong)
    return np.where(weak == 0, 0, label).astype(np.uint8)


def irn_confident_label(
    image: np.ndarray,
    cam: np.ndarray,
    foreground: float | np.ndarray = 0.30,
    background: float | np.ndarray = 0.05,
    params: str | CRFParams | Mapping = 'irn',
) -> np.ndarray:
    """Compute IRN's confident label (CVPR 2019, Section 3.2.1).

    The best class against a background score is taken twice, with a high
    score for a sure foreground and a low one for a sure background, and each
    label goes through a DenseCRF. A pixel is background if both say so.
    IRN's scores are constants; SIPE (CVPR 2022) has a map of the background,
    and takes it as it is and halved.

    Args:
        image: RGB image (H, W, 3), uint8.
        cam: Normalised CAMs (K, H, W) in [0, 1] of the image's labels.
        foreground: The high score, a constant or a map (H, W).
        background: The low score.
        params: Settings of the CRFs.

    Returns:
        np.ndarray: (H, W), uint8: 0 background, k + 1 for row k of ``cam``,
        255 unsure.

    Raises:
        ValueError: If shapes, dtype or values do not fit.
        ImportError: If pydensecrf is missing.
    """
    count = len(cam) + 1
    crf = DenseCRF(image, count, params)
    if not len(cam):
        return np.zeros(image.shape[:2], np.uint8)

    def best(score: float | np.ndarray) -> np.ndarray:
        label = np.where(cam.max(0) > score, cam.argmax(0) + 1, 0)
        return crf.marginals(labels_to_unary(label, count)).argmax(0)

    high, low = best(foreground), best(background)
    label = np.where(high == 0, IGNORE_LABEL, high)
    return np.where((high == 0) & (low == 0), 0, label).astype(np.uint8)
