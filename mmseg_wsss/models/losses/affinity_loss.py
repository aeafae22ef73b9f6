"""Affinity loss of PSA and IRN on pairs of neighbouring cells.

* PSA: Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level
  Supervision for Weakly Supervised Semantic Segmentation", CVPR 2018,
  https://arxiv.org/abs/1803.10464.
* IRN: Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance
  Segmentation with Inter-pixel Relations", CVPR 2019,
  https://arxiv.org/abs/1904.05044: the same loss on another affinity.

Pairs are sorted by confident labels into background, foreground and negative
ones, see :func:`~mmseg_wsss.pseudo_labels.pairs.pair_labels`. With a_ij the
affinity of a pair::

    (1) L_bg  = - mean over the background pairs of log a_ij
    (2) L_fg  = - mean over the foreground pairs of log a_ij
    (3) L_neg = - mean over the negative pairs of log (1 - a_ij)
    (4) L     = L_bg / 4 + L_fg / 4 + L_neg / 2

Each mean is over the whole batch (under data-parallel training, of each
rank). As in both codes 1e-5 is added to the counts and inside the logarithms,
so that an empty set gives 0.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import at_least_float32

EPS = 1e-5
WEIGHTS = (0.25, 0.25, 0.5)


class AffinityTerms(NamedTuple):
    """Mean losses of the background, foreground and negative pairs."""

    background: Tensor
    foreground: Tensor
    negative: Tensor


def check_masks(shape: tuple[int, ...], **masks: Tensor) -> None:
    """Raise a ValueError unless masks are bool pair maps of a shape."""
    for name, mask in masks.items():
        if tuple(mask.shape) != shape or mask.dtype != torch.bool:
            raise ValueError(
                f'{name} must be a bool mask {shape}, one entry per pair, '
                f'got {mask.dtype} {tuple(mask.shape)}'
            )


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    count = mask.sum().to(values)
    return values.masked_fill(~mask, 0).sum() / (count + EPS)


def affinity_terms(
    affinity: Tensor, background: Tensor, foreground: Tensor, negative: Tensor
) -> AffinityTerms:
    """Compute the cross-entropy of affinities by kind of pair.

    Args:
        affinity: Pair map (N, P, h, w) in [0, 1], float32 or float64.
        background: Bool mask (N, P, h, w): pairs that are both background.
        foreground: Bool mask: pairs of one other class. Both kinds should
            have affinity 1.
        negative: Bool mask: pairs of different classes, whose affinity should
            be 0. No pair is in two masks.

    Returns:
        AffinityTerms: Three scalars, at least -log(1 + 1e-5).

    Raises:
        ValueError: If a mask is not bool or has another shape.

    Examples:
        >>> affinity = torch.tensor([[[[0.5, 0.5, 0.9]]]])
        >>> kinds = torch.eye(3, dtype=torch.bool).view(3, 1, 1, 1, 3)
        >>> torch.stack(affinity_terms(affinity, *kinds))
        tensor([0.6931, 0.6931, 2.3025])
    """
    check_masks(
        tuple(affinity.shape),
        background=background,
        foreground=foreground,
        negative=negative,
    )
    correct = torch.where(negative, 1 - affinity, affinity)
    loss = -(correct + EPS).log()
    return AffinityTerms(
        _mean(loss, background),  # (1)
        _mean(loss, foreground),  # (2)
        _mean(loss, negative),  # (3)
    )


@MODELS.register_module()
class AffinityLoss(nn.Module):
    """Affinity loss as an entry of a pairwise head's ``loss_decode``.

    Args:
        loss_weight (float): Weight of the loss. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_affinity'.

    Examples:
        >>> affinity = torch.tensor([[[[0.5, 0.5, 0.9]]]])
        >>> kinds = torch.eye(3, dtype=torch.bool).view(3, 1, 1, 1, 3)
        >>> AffinityLoss()(affinity, *kinds)['loss_affinity']
        tensor(1.4978)
    """

    def __init__(
        self, loss_weight: float = 1.0, loss_name: str = 'loss_affinity'
    ):
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        affinity: Tensor,
        background: Tensor,
        foreground: Tensor,
        negative: Tensor,
        **kwargs,
    ) -> dict[str, Tensor]:
        """Compute the loss.

        Args:
            affinity: Pair map (N, P, h, w), any float dtype; computed in
                float32 at least.
            background: Bool mask (N, P, h, w).
            foreground: Bool mask (N, P, h, w).
            negative: Bool mask (N, P, h, w).
            **kwargs: Accepted and ignored.

        Returns:
            dict[str, Tensor]: The loss by its name, and its unweighted parts
            ``affinity_bg``, ``affinity_fg`` and ``affinity_neg`` for the log.
        """
        with torch.autocast(affinity.device.type, enabled=False):
            terms = affinity_terms(
                at_least_float32(affinity), background, foreground, negative
            )
        loss = sum(w * t for w, t in zip(WEIGHTS, terms, strict=True))  # (4)
        return {
            self.loss_name: self.loss_weight * loss,
            'affinity_bg': terms.background.detach(),
            'affinity_fg': terms.foreground.detach(),
            'affinity_neg': terms.negative.detach(),
        }
