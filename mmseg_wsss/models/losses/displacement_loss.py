"""Loss of IRN's displacement field, on pairs of neighbouring cells.

Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance Segmentation with
Inter-pixel Relations", CVPR 2019, https://arxiv.org/abs/1904.05044.
With D(x_i) the vector from the cell i to the centroid of its instance::

    L_fg = mean over the foreground pairs of |D(x_i) - D(x_j) - (x_j - x_i)|
    L_bg = mean over the background pairs of |D(x_i) - D(x_j)|

``|.|`` is the mean of both coordinates. IRN's total adds (L_fg + L_bg) / 2 to
the affinity loss. As in its code 1e-5 is added to the counts, so that an empty
set gives 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.affinity import Offset, partner, recomputed
from ...utils import at_least_float32
from .affinity_loss import EPS, check_masks


class DisplacementTerms(NamedTuple):
    """Mean losses of the background and foreground pairs."""

    background: Tensor
    foreground: Tensor


def displacement_terms(
    displacement: Tensor,
    offsets: Sequence[Offset],
    background: Tensor,
    foreground: Tensor,
) -> DisplacementTerms:
    """Compute the loss of a displacement field by kind of pair.

    Only the differences of one offset are in memory at a time.

    Args:
        displacement: (N, 2, h, w) in cells, y then x, float32 or float64.
        offsets: P offsets (dy, dx) of the pairs.
        background: Bool mask (N, P, h, w): pairs that are both background.
        foreground: Bool mask: pairs of one other class.

    Returns:
        DisplacementTerms: Two scalars >= 0.

    Raises:
        ValueError: If a shape does not fit.

    Examples:
        >>> field = torch.zeros(1, 2, 1, 2)  # both cells point at themselves
        >>> pair = torch.tensor([[[[True, False]]]])
        >>> none = torch.zeros_like(pair)
        >>> displacement_terms(field, [(0, 1)], none, pair).foreground
        tensor(0.5000)
    """
    n, coordinates, h, w = displacement.shape
    if coordinates != 2:
        raise ValueError(
            'displacement must be (N, 2, h, w), y and x, got '
            f'{tuple(displacement.shape)}'
        )
    check_masks(
        (n, len(offsets), h, w), background=background, foreground=foreground
    )

    def sums(field, offset, background, foreground):
        difference = field - partner(field, offset)
        same = difference.abs().mean(1).masked_fill(~background, 0)
        rest = [difference[:, axis] - step for axis, step in enumerate(offset)]
        moved = torch.stack(rest, 1).abs().mean(1).masked_fill(~foreground, 0)
        return torch.stack((same.sum(), moved.sum()))

    total = sum(
        recomputed(sums, displacement, o, background[:, p], foreground[:, p])
        for p, o in enumerate(offsets)
    )
    count = torch.stack((background.sum(), foreground.sum()))
    return DisplacementTerms(*(total / (count.to(total) + EPS)))


@MODELS.register_module()
class DisplacementLoss(nn.Module):
    """Loss of the displacement field of IRNDisplacementHead.

    Args:
        loss_weight (float): Weight of the loss. Defaults to IRN's 0.5.
        loss_name (str): Key in the log. Defaults to 'loss_displacement'.

    Examples:
        >>> field = torch.zeros(1, 2, 1, 2)
        >>> pair = torch.tensor([[[[True, False]]]])
        >>> none = torch.zeros_like(pair)
        >>> terms = DisplacementLoss()(field, [(0, 1)], none, pair)
        >>> terms['loss_displacement']  # half of 0.5
        tensor(0.2500)
    """

    def __init__(
        self, loss_weight: float = 0.5, loss_name: str = 'loss_displacement'
    ):
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

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
