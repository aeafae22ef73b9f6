r"""Pixel correlation module (PCM) of SEAM.

Wang, Zhang, Kan, Shan and Chen, "Self-supervised Equivariant Attention
Mechanism for Weakly Supervised Semantic Segmentation", CVPR 2020,
https://arxiv.org/abs/2004.04581, Section 3.3. Each cell of the refined CAM is
the mean of the CAM over all cells, weighted by how alike their features are:

.. math::
    r_j = \frac{\sum_i n_i A_{ij}}{\sum_i A_{ij}}, \qquad
    A_{ij} = \mathrm{ReLU}\Big(
    \frac{f_i^\top f_j}{\|f_i\| \, \|f_j\|}\Big)

n is the CAM scaled to [0, 1], of which each cell keeps its best class, with a
background channel 1 - max; f is a 1x1 convolution of the image and of reduced
features. As in the authors' code no gradient flows to n or to the backbone:
the losses of r train the module alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...pseudo_labels.affinity_product import affinity_product
from ...pseudo_labels.cam import EPS, winning_scores
from ...utils import at_least_float32
from ..feature_extractors.base import IMAGENET_MEAN, IMAGENET_STD


def correlate(scores: Tensor, features: Tensor, block: int = 256) -> Tensor:
    """Compute the refined scores r.

    Args:
        scores: n (N, C, h, w).
        features: f (N, D, h, w), of any length, same dtype.
        block: Cells whose affinities are computed at a time.

    Returns:
        Tensor: (N, C, h, w), in the range of ``scores``; 0 at cells whose
        features are 0.

    Example:
        >>> f = torch.tensor([[1.0, 0.6, -1.0], [0.0, 0.8, 0.0]])
        >>> n = torch.tensor([1.0, 0.0, 0.5])
        >>> correlate(n.view(1, 1, 1, 3), f.view(1, 2, 1, 3))
        tensor([[[[0.6250, 0.3750, 0.5000]]]])
    """
    length = features.norm(dim=1, keepdim=True)
    unit = (features / (length + EPS)).flatten(2)
    products, sums = affinity_product(scores.flatten(2), unit, block)
    return (products / (sums + EPS)).view_as(scores)


class PixelCorrelation(BaseModule):
    """The module: reduced features and the image, then :func:`correlate`.

    Args:
        in_channels (Sequence[int]): Channels of the features.
        reduced_channels (Sequence[int]): What each is reduced to.
        align_corners (bool): How image and features are resized to the CAM.

    Examples:
        >>> module = PixelCorrelation([4], [3], align_corners=True)
        >>> cam, features = torch.rand(1, 2, 5, 6), [torch.rand(1, 4, 5, 6)]
        >>> module(cam, features, torch.rand(1, 3, 40, 48)).shape
        torch.Size([1, 3, 5, 6])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        reduced_channels: Sequence[int],
        align_corners: bool,
    ):
        # As the authors have it.
        last = dict(
            type='Xavier', gain=4, distribution='uniform', name='embed'
        )
        super().__init__(
            dict(type='Kaiming', mode='fan_in', layer='Conv2d', override=last)
        )
        self.align_corners = align_corners
        self.reduce = nn.ModuleList(
            nn.Conv2d(before, after, 1, bias=False)
            for before, after in zip(
                in_channels, reduced_channels, strict=True
            )
        )
        width = sum(reduced_channels)
        self.embed = nn.Conv2d(3 + width, width, 1, bias=False)
        for name, value in (('mean', IMAGENET_MEAN), ('std', IMAGENET_STD)):
            value = torch.tensor(value).view(1, 3, 1, 1) / 255
            self.register_buffer(name, value, persistent=False)

    def forward(
        self, cam: Tensor, features: Sequence[Tensor], images: Tensor
    ) -> Tensor:
        """Compute the refined CAM.

        Args:
            cam: Raw CAM (N, K, h, w); no gradient flows to it.
            features: Maps of the backbone; no gradient flows to them.
            images: RGB in [0, 1], (N, 3, H, W).

        Returns:
            Tensor: (N, K + 1, h, w), float32 in [0, 1], the background first.
        """
        embedded = self._embed(features, images, cam.shape[2:])
        with torch.autocast(cam.device.type, enabled=False):
            positive = at_least_float32(cam.detach()).relu()
            highest = positive.amax((2, 3), keepdim=True)
            scaled = F.relu(positive - EPS) / (highest + EPS)
            embedded = at_least_float32(embedded)
            return correlate(winning_scores(scaled), embedded)

    def _embed(
        self, features: Sequence[Tensor], images: Tensor, size: torch.Size
    ) -> Tensor:
        """Compute f (N, D, h, w)."""
        maps = [
            self._resize(conv(x.detach()).relu(), size)
            for conv, x in zip(self.reduce, features, strict=True)
        ]
        images = self._resize((images - self.mean) / self.std, size)
        return self.embed(torch.cat([images.to(maps[0]), *maps], 1))

    def _resize(self, maps: Tensor, size: torch.Size) -> Tensor:
        return F.interpolate(
            maps, size, mode='bilinear', align_corners=self.align_corners
        )
