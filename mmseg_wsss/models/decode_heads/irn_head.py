"""IRNet's head (IRN): class boundaries.

Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance Segmentation with
Inter-pixel Relations", CVPR 2019, https://arxiv.org/abs/1904.05044. A network
on frozen features predicts a boundary map B on the grid of the finest feature
(stride 4), trained through the affinities of pairs of cells only::

    a_ij = 1 - max of B(x_k) over the cells x_k on the path from i to j
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.affinity import WalkGraph, boundary_affinity
from ..losses.affinity_loss import AffinityLoss
from .pairwise_head import PairwiseHead

CHANNELS = 32  # of each reduced feature


def reduction(before: int, after: int, groups: int) -> nn.Sequential:
    """Build a 1x1 convolution with group norm."""
    return nn.Sequential(
        nn.Conv2d(before, after, 1, bias=False), nn.GroupNorm(groups, after)
    )


@MODELS.register_module()
class IRNHead(PairwiseHead):
    """Boundaries, trained on confident labels.

    Each feature is reduced by a 1x1 convolution with group norm, resized to
    the finest feature's grid and passed through a ReLU; a 1x1 convolution on
    all of them gives a logit.

    Args:
        in_channels (Sequence[int]): Channels of the features, finest first.
            IRN's ResNet-50: (64, 256, 512, 1024, 2048).
        num_classes (int): All classes of the data set.
        stride (int): Pixels per cell of the finest feature. Defaults to 4.
        radius (float): Cells nearer than this are pairs in training. Defaults
            to 10.
        walk_radius (float): The same in ``walk_graph``. Defaults to 5.
        loss_decode (dict | list[dict], optional): Losses on pairs. Defaults
            to AffinityLoss.
        detach (bool): Whether to detach the features from
            the backbone. Defaults to True, as in IRN.
        **kwargs: As for :class:`PairwiseHead`.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> head = IRNHead([16, 32], num_classes=3, radius=2, walk_radius=2)
        >>> features = [torch.rand(1, 16, 8, 8), torch.rand(1, 32, 4, 4)]
        >>> head.walk_graph(features).affinity.shape
        torch.Size([4, 8, 8])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        stride: int = 4,
        radius: float = 10,
        walk_radius: float = 5,
        loss_decode: dict | list[dict] | None = None,
        detach: bool = True,
        **kwargs,
    ):
        super().__init__(
            in_channels,
            num_classes,
            loss_decode or dict(type=AffinityLoss),
            stride,
            radius,
            walk_radius,
            detach=detach,
            **kwargs,
        )
        self.boundary_reduce = nn.ModuleList(
            reduction(c, CHANNELS, 4) for c in in_channels
        )
        self.boundary_fuse = nn.Conv2d(len(in_channels) * CHANNELS, 1, 1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute boundary logits on the grid of the finest feature.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            Tensor: Logits (N, 1, h, w).
        """
        return self.walk_maps(inputs)

    def boundary_logits(self, features: Sequence[Tensor]) -> Tensor:
        """Compute boundary logits (N, 1, h, w) of the selected features."""
        maps = self.reduced(self.boundary_reduce, features, features[0])
        return self.boundary_fuse(torch.cat(maps, 1))

    def reduced(
        self,
        layers: Sequence[nn.Module],
        features: Sequence[Tensor],
        like: Tensor,
    ) -> list[Tensor]:
        """Reduce features and resize them to the grid of ``like``."""
        return [
            self.resize_to(layer(x), like).relu()
            for layer, x in zip(layers, features, strict=True)
        ]

    def pair_inputs(self, outputs: Tensor) -> dict[str, Tensor]:
        """Convert boundary logits to affinities for the losses."""
        boundary = outputs.float().sigmoid()
        return dict(affinity=boundary_affinity(boundary, self.offsets))

    def walk_maps(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute boundary logits (N, 1, h, w)."""
        return self.boundary_logits(self.select(inputs))

    def graph_of(self, maps: Tensor) -> WalkGraph:
        """Return the graph of boundary logits, gated by 1 - boundary."""
        boundary = maps.sigmoid()
        affinity = boundary_affinity(boundary, self.walk_offsets)[0]
        return WalkGraph(
            self.walk_offsets, affinity, 1 - boundary[0, 0], self.stride
        )
