"""AffinityNet's head (PSA).

Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level
Supervision for Weakly Supervised Semantic Segmentation", CVPR 2018,
https://arxiv.org/abs/1803.10464, Section 3.2: features of several levels
become one embedding per cell, and the affinity of two cells falls with the
distance of their embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.affinity import WalkGraph, embedding_affinity
from ..losses.affinity_loss import AffinityLoss
from .pairwise_head import PairwiseHead

# As the authors have it.
_INIT = dict(
    type='Kaiming',
    mode='fan_in',
    layer='Conv2d',
    override=dict(type='Xavier', gain=4, distribution='uniform', name='fuse'),
)


@MODELS.register_module()
class AffinityHead(PairwiseHead):
    """Affinities of embeddings, trained on confident labels.

    Each feature passes a 1x1 convolution and an ELU and is resized to the
    finest feature's grid; one more 1x1 convolution and ELU on all of them
    gives the embedding. All convolutions are without bias, as in PSA's code.
    They start as there: Kaiming by fan in, the last Xavier-uniform, gain 4.

    Args:
        in_channels (Sequence[int]): Channels of the features. PSA's ResNet38:
            (512, 1024, 4096).
        num_classes (int): All classes of the data set.
        reduced_channels (Sequence[int]): Channels each feature is reduced to;
            the embedding has their sum. Defaults to PSA's (64, 128, 256).
        stride (int): Pixels per cell of the finest feature. Defaults to 8.
        radius (float): Cells nearer than this are pairs. Defaults to 5.
        loss_decode (dict | list[dict], optional): Losses on pairs. Defaults
            to AffinityLoss.
        init_cfg (dict | list[dict], optional): Initialisation.
        **kwargs: As for :class:`PairwiseHead`.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> head = AffinityHead([8, 16], 3, reduced_channels=(4, 5))
        >>> features = [torch.rand(1, 8, 6, 6), torch.rand(1, 16, 3, 3)]
        >>> head(features).shape
        torch.Size([1, 9, 6, 6])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        reduced_channels: Sequence[int] = (64, 128, 256),
        stride: int = 8,
        radius: float = 5,
        loss_decode: dict | list[dict] | None = None,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ):
        if len(reduced_channels) != len(in_channels):
            raise ValueError(
                f'reduced_channels needs {len(in_channels)} entries, one per '
                f'feature of in_channels, got {reduced_channels}'
            )
        super().__init__(
            in_channels,
            num_classes,
            loss_decode or dict(type=AffinityLoss),
            stride,
            radius,
            init_cfg=init_cfg or _INIT,
            **kwargs,
        )
        self.reduce = nn.ModuleList(
            nn.Conv2d(before, after, 1, bias=False)
            for before, after in zip(
                in_channels, reduced_channels, strict=True
            )
        )
        total = sum(reduced_channels)
        self.fuse = nn.Conv2d(total, total, 1, bias=False)

    def forward(self, inputs: Sequence[Tensor] | Tensor) -> Tensor:
        """Compute the embedding.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            Tensor: (N, sum of reduced_channels, h, w) on the grid of the
            finest feature.
        """
        features = self.select(inputs)
        finest = max(features, key=lambda x: x.shape[-2:].numel())
        reduced = [
            self.resize_to(F.elu(conv(x)), finest)
            for conv, x in zip(self.reduce, features, strict=True)
        ]
        return F.elu(self.fuse(torch.cat(reduced, 1)))

    def pair_inputs(self, outputs: Tensor) -> dict[str, Tensor]:
        """Convert the embedding to affinities for the losses."""
        return dict(affinity=embedding_affinity(outputs, self.offsets))

    def graph_of(self, maps: Tensor) -> WalkGraph:
        """Return the graph of an embedding, without a gate."""
        affinity = embedding_affinity(maps, self.walk_offsets)[0]
        return WalkGraph(self.walk_offsets, affinity, None, self.stride)
