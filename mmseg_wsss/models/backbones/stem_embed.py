"""Patches of a hybrid transformer: the last map of a convolutional network.

Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021,
https://arxiv.org/abs/2010.11929, Section 3.1, hybrid architecture.
"""

from __future__ import annotations

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn


class StemEmbed(BaseModule):
    """A backbone's last map and a 1x1 convolution, as patch tokens.

    Args:
        stem (dict): The backbone.
        in_channels (int): Channels of its last map.
        embed_dims (int): D.
        size (tuple[int, int]): Size of that map in pretraining, to which the
            position embeddings belong.
    """

    def __init__(
        self,
        stem: dict,
        in_channels: int,
        embed_dims: int,
        size: tuple[int, int],
    ):
        super().__init__()
        self.stem = MODELS.build(stem)
        self.projection = nn.Conv2d(in_channels, embed_dims, 1)
        self.init_out_size = size

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return patch tokens (N, h * w, D) and (h, w)."""
        features = self.stem(x)
        if not isinstance(features, Tensor):
            features = features[-1]
        features = self.projection(features)
        return features.flatten(2).transpose(1, 2), tuple(features.shape[2:])
