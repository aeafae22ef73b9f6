r"""Seeds of a frozen CLIP: Grad-CAM from texts, and attention affinity.

Lin et al., "CLIP is Also an Efficient Segmenter", CVPR 2023,
https://arxiv.org/abs/2212.09506. With unit vectors :math:`e` of the image and
:math:`t_k` of the texts of the classes that are present and of backgrounds

.. math::
    p_c = \mathrm{softmax}_k (100\, e \cdot t_k)_c, \qquad
    G_c = \mathrm{ReLU} \sum_d u_d\, \mathrm{mean}\,
    \frac{\partial p_c}{\partial u_d}, \qquad
    G'_c = T\, (M_c \odot G_c)

of the features :math:`u`, the attention affinity :math:`T` between patches and
the mask :math:`M_c` of boxes around the strong parts of :math:`G_c`.

The gradient is taken of the log-odds :math:`\log p_c / (1 - p_c)`: it is that
of :math:`p_c` times a positive number, to which the normalised map is
invariant, and it does not vanish where :math:`p_c` rounds to 1. A box here
ends after its last cell; the public code leaves the last row and column out.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-7
TEMPERATURE = 100.0
ROUNDS = 3  # leave a matrix doubly stochastic up to a few percent


def text_logits(embedding: Tensor, texts: Tensor) -> Tensor:
    """Compute 100 times the cosine of images and texts.

    Args:
        embedding: Images (N, E) of any length.
        texts: Texts (K, E) of any length.

    Returns:
        Tensor: Logits (N, K) in [-100, 100]; their softmax is CLIP's
        probability of each text.

    Examples:
        >>> text_logits(torch.tensor([[3.0, 4.0]]), torch.eye(2))
        tensor([[60.0000, 80.0000]])
    """
    unit = F.normalize(embedding, dim=-1)
    return TEMPERATURE * unit @ F.normalize(texts, dim=-1).T


def log_odds(logits: Tensor) -> Tensor:
    """Compute log p / (1 - p) of the softmax over the last dimension.

    Args:
        logits: (..., K), two or more.

    Returns:
        Tensor: (..., K), exact where p rounds to 1.
    """
    count = logits.shape[-1]
    own = torch.eye(count, dtype=torch.bool, device=logits.device)
    others = logits.unsqueeze(-2).masked_fill(own, -torch.inf)
    return logits - others.logsumexp(-1)


def gradient_maps(features: Tensor, gradients: Tensor) -> Tensor:
    """Compute Grad-CAM maps.

    Args:
        features: Features of the P cells (P, D).
        gradients: Gradient of each class's score to them (K, P, D).

    Returns:
        Tensor: Maps (K, P) in [0, 1]; a constant one is 0.
    """
    return min_max((gradients.mean(1) @ features.T).relu())


def min_max(maps: Tensor) -> Tensor:
    """Scale maps (..., P) from their range to [0, 1]; constant ones to 0."""
    lowest, highest = maps.aminmax(dim=-1, keepdim=True)
    return (maps - lowest) / (highest - lowest + EPS)


def sinkhorn(matrix: Tensor) -> Tensor:
    """Divide a matrix by its column sums, then its row sums, repeatedly.

    Args:
        matrix: Positive numbers (..., P, P).
    """
    for _ in range(ROUNDS):
        matrix = matrix / matrix.sum(-2, keepdim=True)
        matrix = matrix / matrix.sum(-1, keepdim=True)
    return matrix


def attention_affinity(
    attention: Tensor, learned: Tensor | None = None
) -> Tensor:
    """Compute the affinity between patches from attention.

    Args:
        attention: Attention of L layers (L, P, P), positive.
        learned: Affinity (P, P) in [0, 1] that a decoder has learned, see
            ``attentive_layers``; it multiplies the attention.

    Returns:
        Tensor: Affinity (P, P), symmetric, rows sum to about 1.
    """
    if learned is None:
        matrix = attention.mean(0)
    else:
        matrix = attention[attentive_layers(attention)].mean(0) * learned
    matrix = sinkhorn(matrix)
    matrix = (matrix + matrix.T) / 2
    return matrix @ matrix


def attentive_layers(attention: Tensor) -> Tensor:
    """Return the layers that attend to patches at least as much as the mean.

    WeCLIP (https://arxiv.org/abs/2406.11189) keeps the layers whose summed
    difference to the learned affinity is at most the mean. Nothing takes an
    absolute value, so the affinity's own sum is on both sides: what is left
    is the attention between patches, which the class token takes the rest of.

    Args:
        attention: Attention between patches (L, P, P); rows sum to 1 less
            what goes to the class token.

    Returns:
        Tensor: Bool (L,), at least one True.
    """
    mass = attention.sum((1, 2))
    return mass >= torch.minimum(mass.mean(), mass.max())  # it may round up


def component_boxes(mask: np.ndarray) -> np.ndarray:
    """Fill the bounding boxes of a mask's 8-connected parts.

    Args:
        mask: (h, w), bool.

    Returns:
        np.ndarray: Union of the boxes (h, w), bool.
    """
    filled = np.zeros_like(mask)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    for x, y, width, height, _ in boxes[1:]:  # the first is outside
        filled[y : y + height, x : x + width] = True
    return filled


def propagate_maps(
    affinity: Tensor, maps: Tensor, box_threshold: float = 0.4
) -> Tensor:
    """Spread each class's map by the affinity, from its boxes.

    Args:
        affinity: (h * w, h * w).
        maps: Maps (K, h, w) in [0, 1].
        box_threshold: Boxes are around the parts above this share of a map's
            maximum; the rest of the map gives nothing.

    Returns:
        Tensor: Maps (K, h, w) in [0, 1].
    """
    strong = maps > box_threshold * maps.amax((1, 2), keepdim=True)
    boxes = [component_boxes(mask) for mask in strong.cpu().numpy()]
    inside = torch.from_numpy(np.array(boxes, bool)).view_as(strong)
    inside = inside.to(maps.device)
    given = (maps * inside).flatten(1)
    return min_max(given @ affinity.T).view_as(maps)
