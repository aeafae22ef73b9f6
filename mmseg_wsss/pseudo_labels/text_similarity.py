r"""Seeds of a frozen CLIP without a gradient: patches compared with texts.

Yang, Meng, Fu, Tang, Wang and Song, "Exploring CLIP's Dense Knowledge for
Weakly Supervised Semantic Segmentation" (ExCEL), CVPR 2025,
https://arxiv.org/abs/2503.20826, compare the patches of a second path through
the last layers, whose attention is :func:`self_attention`, with the texts.
With unit vectors :math:`f_i` of the patches, :math:`t_c` of the texts of all C
classes and :math:`e` of the class token

.. math::
    w_c = C \, \mathrm{softmax}_k (2\, e \cdot t_k)_c, \qquad
    S_c = f_i \cdot t_c - \frac1C \sum_k w_k\, f_i \cdot t_k

What a patch has in common with all texts is taken away. The rest of the
paper, texts enriched by generated attributes above all, is not here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .text_cam import min_max


def self_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute attention by likeness of queries, of keys and of values.

    Args:
        query: (..., heads, T, d).
        key: Of the same shape.
        value: Of the same shape.

    Returns:
        Tensor: The mean of three scaled softmaxes of inner products, applied
        to the values, of the same shape.
    """
    scale = query.shape[-1] ** -0.5
    attention = torch.stack(
        [
            (x @ x.transpose(-2, -1) * scale).softmax(-1)
            for x in (query, key, value)
        ]
    )
    return attention.mean(0) @ value


def similarity_maps(patches: Tensor, image: Tensor, texts: Tensor) -> Tensor:
    """Compute the maps of one image for all classes.

    Args:
        patches: Patches in the texts' space (P, E), of any length.
        image: The class token there (E,).
        texts: Texts of the C classes (C, E).

    Returns:
        Tensor: Maps (C, P) in [0, 1]; a constant one is 0.

    Examples:
        >>> texts = torch.eye(2)
        >>> similarity_maps(texts, torch.ones(2), texts).round(decimals=3)
        tensor([[1., 0.],
                [0., 1.]])
    """
    patches, image, texts = (
        F.normalize(x, dim=-1) for x in (patches, image, texts)
    )
    weights = (2 * texts @ image).softmax(0) * len(texts)
    cosines = texts @ patches.T
    common = (weights[:, None] * cosines).mean(0)
    return min_max(cosines - common)
