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
        stride (int): Of that map.
        size (tuple[int, int]): Size of that map in pretraining, to which the
            position embeddings belong.
    """

    def __init__(
        self,
        stem: dict,
        in_channels: int,
        embed_dims: int,
        stride: int,
        size: tuple[int, int],
    ):
        super().__init__()
        self.stem = MODELS.build(stem)
        self.projection = nn.Conv2d(in_channels, embed_dims, 1)
        self.stride = stride
        self.init_out_size = size

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Compute the patch tokens.

        Args:
            x: Images (N, 3, H, W), sides multiples of the stride.

        Returns:
            tuple: Tokens (N, h * w, D), and (h, w).

        Raises:
            ValueError: If the map is of another stride.
        """
        features = self.stem(x)
        if not isinstance(features, Tensor):
            features = features[-1]
        size = tuple(features.shape[2:])
        if size != (x.shape[2] // self.stride, x.shape[3] // self.stride):
            raise ValueError(
                f'the last map of {type(self.stem).__name__} has size {size} '
                f'for images of {tuple(x.shape[2:])}, which is not the stride '
                f'{self.stride}: set patch_size of MultiTokenViT to its stride'
            )
        return self.projection(features).flatten(2).transpose(1, 2), size
