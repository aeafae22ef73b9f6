"""IRNet's displacement branch (IRN), which tells instances apart.

Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance Segmentation with
Inter-pixel Relations", CVPR 2019, https://arxiv.org/abs/1904.05044.
Each cell predicts D(x), the vector to the centroid of its instance. Semantic
pseudo labels need the boundaries of :class:`IRNHead` only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..losses.affinity_loss import AffinityLoss
from ..losses.displacement_loss import DisplacementLoss
from .irn_head import IRNHead, reduction

CHANNELS = (64, 128, 256, 256, 256)  # of each feature, those of IRN
WIDTH = 256  # after the fusions
MOMENTUM = 0.01


def _groups(channels: int) -> int:
    """Return a number of groups, at most 16 of 8 channels or more."""
    return math.gcd(16, channels // 8, channels)


@MODELS.register_module()
class IRNDisplacementHead(IRNHead):
    """IRNHead with a displacement branch, as published.

    The branch has the layers of the boundary branch with more channels; the
    features from ``num_fine`` on are fused among themselves first, on the
    grid of the finest of them.

    The loss sees differences of displacements only, so that their mean is
    free. IRN subtracts the mean over the training images after training; here
    ``mean_displacement`` is a running mean (momentum 0.01, per rank) of the
    predictions in training, which :meth:`displacement` subtracts.

    Args:
        in_channels (Sequence[int]): Channels of the features, finest first;
            two to five.
        num_classes (int): All classes of the data set.
        num_fine (int): Number of features of stride 4, which are not fused at
            a coarser grid first. Defaults to 2.
        loss_decode (dict | list[dict], optional): Losses on pairs. Defaults
            to IRN's total, AffinityLoss and half of DisplacementLoss.
        **kwargs: As for :class:`IRNHead`.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> head = IRNDisplacementHead([16, 32], num_classes=3, num_fine=1)
        >>> features = [torch.rand(1, 16, 8, 8), torch.rand(1, 32, 4, 4)]
        >>> head.displacement(features).shape
        torch.Size([1, 2, 8, 8])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        num_fine: int = 2,
        loss_decode: dict | list[dict] | None = None,
        **kwargs,
    ):
        super().__init__(
            in_channels,
            num_classes,
            loss_decode=loss_decode
            or [
                dict(type=AffinityLoss),
                dict(type=DisplacementLoss, loss_weight=0.5),
            ],
            **kwargs,
        )
        count = len(in_channels)
        if not 0 < num_fine < count <= len(CHANNELS):
            raise ValueError(
                'IRNDisplacementHead needs two to five features, of which '
                f'num_fine, at least one and not all, are fine: got {count} '
                f'features and num_fine={num_fine}'
            )
        channels = CHANNELS[-count:]
        self.num_fine = num_fine
        self.displacement_reduce = nn.ModuleList(
            reduction(before, after, _groups(after))
            for before, after in zip(in_channels, channels, strict=True)
        )
        self.displacement_coarse = reduction(
            sum(channels[num_fine:]), WIDTH, _groups(WIDTH)
        )
        fused = sum(channels[:num_fine]) + WIDTH
        self.displacement_fuse = nn.Sequential(
            reduction(fused, WIDTH, _groups(WIDTH)),
            nn.ReLU(),
            nn.Conv2d(WIDTH, 2, 1, bias=False),
        )
        self.register_buffer('mean_displacement', torch.zeros(2))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Compute both maps on the grid of the finest feature.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            tuple[Tensor, Tensor]: Boundary logits (N, 1, h, w), and
            displacements (N, 2, h, w) in cells, y then x, before their mean
            is subtracted.
        """
        features = self.select(inputs)
        field = self.displacement_field(features)
        if self.training:
            mean = field.detach().float().mean((0, 2, 3))
            self.mean_displacement.lerp_(mean, MOMENTUM)
        return self.boundary_logits(features), field

    def displacement_field(self, features: Sequence[Tensor]) -> Tensor:
        """Compute displacements (N, 2, h, w) of the selected features."""
        split, layers = self.num_fine, self.displacement_reduce
        coarse = self.reduced(
            layers[split:], features[split:], features[split]
        )
        maps = self.reduced(layers[:split], features[:split], features[0])
        maps += self.reduced(
            [self.displacement_coarse], [torch.cat(coarse, 1)], features[0]
        )
        return self.displacement_fuse(torch.cat(maps, 1))

    def pair_inputs(self, outputs: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Convert both maps to arguments of the losses."""
        logits, field = outputs
        return dict(**super().pair_inputs(logits), displacement=field)

    def displacement(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute the displacement field, its mean subtracted.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            Tensor: (N, 2, h, w) in cells, y then x, float32.
        """
        field = self.displacement_field(self.select(inputs)).float()
        return field - self.mean_displacement[:, None, None]
