"""Losses on pairs of neighbouring cells, of PSA and IRN.

* PSA: Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level
  Supervision for Weakly Supervised Semantic Segmentation", CVPR 2018.
* IRN: Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance
  Segmentation with Inter-pixel Relations", CVPR 2019: L_B, the same loss on
  another affinity, and L_D, the loss of the displacement field.

Pairs are sorted by confident labels into background, foreground and negative
ones, see :func:`~mmseg_wsss.pseudo_labels.pairs.pair_labels`; every set is
averaged on its own, over the whole batch. Under data-parallel training that
is the batch of each rank. As in both codes 1e-5 is added to the counts and
inside the logarithms, so that an empty set gives 0.

The published total of IRN is L_B + (L_D foreground + L_D background) / 2 with
L_B = (background + foreground) / 4 + negative / 2, PSA's weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.affinity import Offset, partner, recomputed
from ...utils import at_least_float32

EPS = 1e-5
WEIGHTS = (0.25, 0.25, 0.5)


class AffinityTerms(NamedTuple):
    """Mean losses of the background, foreground and negative pairs."""

    background: Tensor
    foreground: Tensor
    negative: Tensor


class DisplacementTerms(NamedTuple):
    """Mean losses of the background and foreground pairs."""

    background: Tensor
    foreground: Tensor


def _check_shapes(expected: tuple, what: str, **masks: Tensor) -> None:
    for name, mask in masks.items():
        if tuple(mask.shape) != expected or mask.dtype != torch.bool:
            raise ValueError(
                f'{name} must be a bool mask {expected}, one entry per pair '
                f'of {what}, got {mask.dtype} {tuple(mask.shape)}'
            )


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    count = mask.sum().to(values)
    return values.masked_fill(~mask, 0).sum() / (count + EPS)


def affinity_terms(
    affinity: Tensor, background: Tensor, foreground: Tensor, negative: Tensor
) -> AffinityTerms:
    """Cross-entropy of affinities, by kind of pair (PSA).

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
    """
    _check_shapes(
        tuple(affinity.shape),
        'affinity',
        background=background,
        foreground=foreground,
        negative=negative,
    )
    right = torch.where(negative, 1 - affinity, affinity)
    loss = -(right + EPS).log()
    return AffinityTerms(
        _mean(loss, background), _mean(loss, foreground), _mean(loss, negative)
    )


def affinity_loss(
    affinity: Tensor,
    background: Tensor,
    foreground: Tensor,
    negative: Tensor,
    weights: Sequence[float] = WEIGHTS,
) -> Tensor:
    """Weighted sum of ``affinity_terms`` (PSA).

    Args:
        affinity: Pair map (N, P, h, w) in [0, 1], float32 or float64.
        background: Bool mask (N, P, h, w).
        foreground: Bool mask (N, P, h, w).
        negative: Bool mask (N, P, h, w).
        weights: Of the background, foreground and negative pairs.

    Returns:
        Tensor: Scalar.

    Raises:
        ValueError: If a mask is not bool or has another shape.
    """
    terms = affinity_terms(affinity, background, foreground, negative)
    return sum(w * term for w, term in zip(weights, terms, strict=True))


def displacement_terms(
    displacement: Tensor,
    offsets: Sequence[Offset],
    background: Tensor,
    foreground: Tensor,
) -> DisplacementTerms:
    """Loss of a displacement field, by kind of pair (L_D of IRN).

    With D_i the vector from the cell i to the middle of its object, two cells
    of one object have D_i - D_j = x_j - x_i, and two cells of the background
    D_i = D_j. The loss is the absolute error, the mean of both coordinates.
    Differences of one offset live at a time.

    Args:
        displacement: (N, 2, h, w) in cells, y then x, float32 or float64.
        offsets: P offsets (dy, dx) of the pairs.
        background: Bool mask (N, P, h, w): pairs that are both background.
        foreground: Bool mask: pairs of one other class.

    Returns:
        DisplacementTerms: Two scalars >= 0.

    Raises:
        ValueError: If a shape does not fit.
    """
    n, coordinates, h, w = displacement.shape
    if coordinates != 2:
        raise ValueError(
            'displacement must be (N, 2, h, w), y and x, got '
            f'{tuple(displacement.shape)}'
        )
    _check_shapes(
        (n, len(offsets), h, w),
        'displacement',
        background=background,
        foreground=foreground,
    )

    def sums(field, offset, background, foreground):
        difference = field - partner(field, offset)
        step = field.new_tensor(offset).view(2, 1, 1)
        same = difference.abs().mean(1).masked_fill(~background, 0)
        moved = (difference - step).abs().mean(1).masked_fill(~foreground, 0)
        return torch.stack((same.sum(), moved.sum()))

    total = sum(
        recomputed(sums, displacement, o, background[:, p], foreground[:, p])
        for p, o in enumerate(offsets)
    )
    count = torch.stack((background.sum(), foreground.sum()))
    return DisplacementTerms(*(total / (count.to(total) + EPS)))


def displacement_loss(
    displacement: Tensor,
    offsets: Sequence[Offset],
    background: Tensor,
    foreground: Tensor,
) -> Tensor:
    """Sum of ``displacement_terms``; IRN's total takes half of it.

    Args:
        displacement: (N, 2, h, w) in cells, y then x, float32 or float64.
        offsets: P offsets (dy, dx) of the pairs.
        background: Bool mask (N, P, h, w).
        foreground: Bool mask (N, P, h, w).

    Returns:
        Tensor: Scalar >= 0.

    Raises:
        ValueError: If a shape does not fit.
    """
    return sum(
        displacement_terms(displacement, offsets, background, foreground)
    )


class _PairLoss(nn.Module):
    """What both modules share: a factor and a name."""

    def __init__(self, loss_weight: float, loss_name: str):
        super().__init__()
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name


@MODELS.register_module()
class AffinityLoss(_PairLoss):
    """:func:`affinity_loss` as an entry of a pairwise head's ``loss_decode``.

    Args:
        weights (Sequence[float]): Of the background, foreground and negative
            pairs. Defaults to PSA's and IRN's (0.25, 0.25, 0.5).
        loss_weight (float): Factor. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_affinity'.

    Raises:
        ValueError: If there are not three weights.
    """

    def __init__(
        self,
        weights: Sequence[float] = WEIGHTS,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_affinity',
    ):
        super().__init__(loss_weight, loss_name)
        if len(weights) != 3:
            raise ValueError(
                'weights are those of background, foreground and negative '
                f'pairs, got {weights}'
            )
        self.weights = tuple(weights)

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
        loss = sum(w * t for w, t in zip(self.weights, terms, strict=True))
        return {
            self.loss_name: self.loss_weight * loss,
            'affinity_bg': terms.background.detach(),
            'affinity_fg': terms.foreground.detach(),
            'affinity_neg': terms.negative.detach(),
        }


@MODELS.register_module()
class DisplacementLoss(_PairLoss):
    """:func:`displacement_loss` as an entry of IRNHead's ``loss_decode``.

    Args:
        loss_weight (float): Factor. Defaults to IRN's 0.5.
        loss_name (str): Key in the log. Defaults to 'loss_displacement'.
    """

    def __init__(
        self, loss_weight: float = 0.5, loss_name: str = 'loss_displacement'
    ):
        super().__init__(loss_weight, loss_name)

    def forward(
        self,
        displacement: Tensor,
        offsets: Sequence[Offset],
        background: Tensor,
        foreground: Tensor,
        **kwargs,
    ) -> dict[str, Tensor]:
        """Compute the loss.

        Args:
            displacement: (N, 2, h, w), any float dtype; computed in float32
                at least.
            offsets: P offsets (dy, dx) of the pairs.
            background: Bool mask (N, P, h, w).
            foreground: Bool mask (N, P, h, w).
            **kwargs: Accepted and ignored.

        Returns:
            dict[str, Tensor]: The loss by its name, and its unweighted parts
            ``displacement_bg`` and ``displacement_fg`` for the log.
        """
        with torch.autocast(displacement.device.type, enabled=False):
            terms = displacement_terms(
                at_least_float32(displacement), offsets, background, foreground
            )
        return {
            self.loss_name: self.loss_weight * sum(terms),
            'displacement_bg': terms.background.detach(),
            'displacement_fg': terms.foreground.detach(),
        }
