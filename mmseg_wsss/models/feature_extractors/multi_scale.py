"""Features of images of any size, over scales and flips."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import FeatureExtractor


def feature_grid(size: Sequence[int], stride: int) -> tuple[int, int]:
    """Return the rows and columns of the grid of an image.

    Args:
        size: Height and width of the image.
        stride: Pixels per cell and side.

    Returns:
        tuple[int, int]: Both sides divided by the stride, rounded up.
    """
    return math.ceil(size[0] / stride), math.ceil(size[1] / stride)


@torch.no_grad()
def dense_features(
    extractor: FeatureExtractor,
    images: Tensor,
    scales: Sequence[float] = (1.0,),
    flip: bool = True,
    stride: int = 4,
) -> Tensor:
    """Average the features of images over scales and flips.

    At every scale the image is resized, not padded, to sides that are the
    next multiples of ``extractor.size_divisor``: its features cover the whole
    picture and nothing else. They are brought to one grid bilinearly. The
    features are not normalised.

    MARS gives no scales. DHR, by the same author, averages STEGO's
    code over the scales 2, 1, 1.5 and 0.5 and the flip on a grid of stride 4.

    Args:
        extractor: The network.
        images: Images (N, 3, H, W), RGB, float32 in [0, 1], on the
            extractor's device.
        scales: Factors that the sides are resized by.
        flip: Also average over the mirrored images, in the same batch.
        stride: Pixels of the image per cell of the result.

    Returns:
        Tensor: Features (N, D, ceil(H / stride), ceil(W / stride)), float32.

    Raises:
        ValueError: If there is no scale, or a scale or the stride is not
            positive.
    """
    check_settings(scales, stride)
    height, width = images.shape[2:]
    grid = feature_grid((height, width), stride)
    total = 0
    for scale in scales:
        step = extractor.size_divisor
        size = [
            max(math.ceil(side * scale / step), 1) * step
            for side in (height, width)
        ]
        view = images
        if size != [height, width]:
            view = F.interpolate(
                images,
                size,
                mode='bilinear',
                align_corners=False,
                antialias=True,
            )
        if flip:
            both = extractor(torch.cat([view, view.flip(-1)]))
            straight, mirrored = both.float().chunk(2)
            features = (straight + mirrored.flip(-1)) / 2
        else:
            features = extractor(view).float()
        if features.shape[2:] != grid:
            features = F.interpolate(
                features, grid, mode='bilinear', align_corners=False
            )
        total = total + features
    return total / len(scales)


def check_settings(scales: Sequence[float], stride: int) -> None:
    """Raise a ValueError unless :func:`dense_features` can use these."""
    if not scales or min(scales) <= 0:
        raise ValueError(f'scales must be positive numbers, got {scales}')
    if not isinstance(stride, int) or stride < 1:
        raise ValueError(f'stride must be a whole number >= 1, got {stride}')
