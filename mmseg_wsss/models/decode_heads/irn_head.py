"""IRNet's head (IRN): class boundaries and a displacement field.

Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance Segmentation with
Inter-pixel Relations", CVPR 2019. Both branches work on the grid of the
finest feature, of stride 4. Semantic pseudo labels need the boundaries only;
the displacement field tells instances apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.affinity import WalkGraph, boundary_affinity
from ..losses.affinity_loss import AffinityLoss, DisplacementLoss
from .pairwise_head import PairwiseHead

DISPLACEMENT_CHANNELS = (64, 128, 256, 256, 256)


def _reduction(before: int, after: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 1, bias=False), nn.GroupNorm(groups, after)
    )


def _groups(channels: int) -> int:
    """At most 16 groups of 8 channels or more."""
    return math.gcd(16, channels // 8, channels)


@MODELS.register_module()
class IRNHead(PairwiseHead):
    """Boundaries and displacements, trained on confident labels.

    Boundary branch: each feature is reduced by a 1x1 convolution with group
    norm, resized to the finest feature's grid and passed through a ReLU; a
    1x1 convolution on all of them gives a logit. Displacement branch: the
    same with more channels, where the features behind the first ``num_fine``
    are fused among themselves first, on the grid of the finest of them.

    The loss sees differences of displacements only, so that their mean stays
    free. IRN takes off the mean over the training images after training; here
    ``mean_displacement`` is a running mean (momentum 0.01, per rank) of what
    training predicts, and :meth:`displacement` takes it off.

    Args:
        in_channels (Sequence[int]): Channels of the features, finest first;
            at least two. IRN's ResNet-50: (64, 256, 512, 1024, 2048).
        num_classes (int): All classes of the data set.
        displacement (bool): Whether there is a displacement branch. Defaults
            to True, as published; False trains faster and gives the same
            semantic pseudo labels, as the backbone is not trained.
        num_fine (int): Features of the displacement branch that are not fused
            at a coarser grid first: those of stride 4. Defaults to 2.
        boundary_channels (int): Of each feature in the boundary branch, a
            multiple of 4. Defaults to 32.
        displacement_channels (Sequence[int], optional): Of each feature in
            the displacement branch. Defaults to the last entries of IRN's
            (64, 128, 256, 256, 256).
        displacement_width (int): Channels after the fusions of the
            displacement branch. Defaults to 256.
        stride (int): Pixels per cell of the finest feature. Defaults to 4.
        radius (float): Cells nearer than this are pairs in training. Defaults
            to 10.
        walk_radius (float): The same in :meth:`walk_graph`. Defaults to 5.
        loss_decode (dict | list[dict], optional): Losses on pairs. Defaults
            to IRN's total, AffinityLoss and half of DisplacementLoss.
        detach (bool | Sequence[bool]): Keep gradients out of the backbone.
            Defaults to True, as in IRN.
        **kwargs: As for :class:`PairwiseHead`.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        displacement: bool = True,
        num_fine: int = 2,
        boundary_channels: int = 32,
        displacement_channels: Sequence[int] | None = None,
        displacement_width: int = 256,
        stride: int = 4,
        radius: float = 10,
        walk_radius: float = 5,
        loss_decode: dict | list[dict] | None = None,
        detach: bool | Sequence[bool] = True,
        **kwargs,
    ):
        if loss_decode is None:
            loss_decode = [dict(type=AffinityLoss)]
            if displacement:
                loss_decode.append(
                    dict(type=DisplacementLoss, loss_weight=0.5)
                )
        super().__init__(
            in_channels,
            num_classes,
            loss_decode,
            stride,
            radius,
            walk_radius,
            detach=detach,
            **kwargs,
        )
        self.boundary_reduce = nn.ModuleList(
            _reduction(c, boundary_channels, 4) for c in in_channels
        )
        self.boundary_fuse = nn.Conv2d(
            len(in_channels) * boundary_channels, 1, 1
        )
        self.with_displacement = displacement
        learns = any(
            isinstance(m, DisplacementLoss) for m in self.loss_decode.modules()
        )
        if displacement != learns:
            raise ValueError(
                f'displacement={displacement}, but loss_decode has '
                f'{"a" if learns else "no"} DisplacementLoss: the branch and '
                'its loss go together'
            )
        if displacement:
            self._build_displacement(
                num_fine, displacement_channels, displacement_width
            )

    def _build_displacement(
        self, num_fine: int, channels: Sequence[int] | None, width: int
    ) -> None:
        count = len(self.in_channels)
        if channels is None:
            channels = DISPLACEMENT_CHANNELS[-count:]
        if len(channels) != count:
            raise ValueError(
                f'displacement_channels needs {count} entries, one per '
                f'feature of in_channels, got {channels}'
            )
        if not 0 < num_fine < count:
            raise ValueError(
                f'num_fine must be from 1 to {count - 1}, so that some of the '
                f'{count} features are fine and some coarse, got {num_fine}'
            )
        self.num_fine = num_fine
        self.displacement_reduce = nn.ModuleList(
            _reduction(before, after, _groups(after))
            for before, after in zip(self.in_channels, channels, strict=True)
        )
        self.displacement_coarse = _reduction(
            sum(channels[num_fine:]), width, _groups(width)
        )
        self.displacement_fuse = nn.Sequential(
            _reduction(
                sum(channels[:num_fine]) + width, width, _groups(width)
            ),
            nn.ReLU(),
            nn.Conv2d(width, 2, 1, bias=False),
        )
        self.register_buffer('mean_displacement', torch.zeros(2))

    def forward(
        self, inputs: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """Compute both maps on the grid of the finest feature.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            tuple[Tensor, Tensor | None]: Boundary logits (N, 1, h, w), and
            displacements (N, 2, h, w) in cells, y then x, before their mean
            is taken off; None without that branch.
        """
        features = self.select(inputs)
        field = None
        if self.with_displacement:
            field = self._displacement(features)
            if self.training:
                mean = field.detach().float().mean((0, 2, 3))
                self.mean_displacement.lerp_(mean, 0.01)
        return self._boundary_logits(features), field

    def _reduced(
        self,
        layers: Sequence[nn.Module],
        features: Sequence[Tensor],
        like: Tensor,
    ) -> list[Tensor]:
        return [
            self.resize_to(layer(x), like).relu()
            for layer, x in zip(layers, features, strict=True)
        ]

    def _boundary_logits(self, features: Sequence[Tensor]) -> Tensor:
        maps = self._reduced(self.boundary_reduce, features, features[0])
        return self.boundary_fuse(torch.cat(maps, 1))

    def _displacement(self, features: Sequence[Tensor]) -> Tensor:
        split = self.num_fine
        layers = self.displacement_reduce
        coarse = self._reduced(
            layers[split:], features[split:], features[split]
        )
        maps = self._reduced(layers[:split], features[:split], features[0])
        maps += self._reduced(
            [self.displacement_coarse], [torch.cat(coarse, 1)], features[0]
        )
        return self.displacement_fuse(torch.cat(maps, 1))

    def pair_inputs(self, outputs: tuple) -> dict[str, Tensor]:
        """Turn both maps into arguments of the losses."""
        logits, field = outputs
        affinity = boundary_affinity(logits.float().sigmoid(), self.offsets)
        if field is None:
            return dict(affinity=affinity)
        return dict(affinity=affinity, displacement=field)

    def boundary(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute boundaries.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            Tensor: Probabilities (N, 1, h, w), float32.
        """
        return self._boundary_logits(self.select(inputs)).float().sigmoid()

    def displacement(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute the displacement field, its mean taken off.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            Tensor: (N, 2, h, w) in cells, y then x, float32.

        Raises:
            ValueError: If the head has no displacement branch.
        """
        if not self.with_displacement:
            raise ValueError(
                'this IRNHead was built with displacement=False and has no '
                'displacement field'
            )
        field = self._displacement(self.select(inputs)).float()
        return field - self.mean_displacement[:, None, None]

    @torch.no_grad()
    def walk_graph(
        self, inputs: Sequence[Tensor], flipped: Sequence[Tensor] | None = None
    ) -> WalkGraph:
        """Prepare a random walk on one image, gated by 1 - boundary.

        Args:
            inputs: Features of the backbone for one image (N = 1).
            flipped: Features of the image flipped left to right; boundary
                logits are averaged, as in IRN.

        Returns:
            WalkGraph: Without gradients, float32.

        Raises:
            ValueError: If there is more than one image.
        """
        logits = self._boundary_logits(self.select(inputs)).float()
        self.check_single(logits)
        if flipped is not None:
            other = self._boundary_logits(self.select(flipped)).float()
            logits = (logits + other.flip(-1)) / 2
        boundary = logits.sigmoid()
        affinity = boundary_affinity(boundary, self.walk_offsets)[0]
        return WalkGraph(
            self.walk_offsets, affinity, 1 - boundary[0, 0], self.stride
        )
