"""What every extractor of dense features is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


class FeatureExtractor(nn.Module):
    """A frozen network that gives a vector for every cell of a grid.

    A subclass sets the three attributes, implements :meth:`forward` and ends
    its constructor with ``self.freeze()``. Nothing in it is trained: no
    parameter requires a gradient, and it stays in eval mode even where the
    model that holds it is set to train.

    Attributes:
        channels (int): Length D of a vector.
        stride (int): Pixels per cell and side.
        size_divisor (int): The sides of its images are multiples of this,
            itself a multiple of ``stride``.
    """

    channels: int
    stride: int
    size_divisor: int

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Compute the features.

        Args:
            images: Images (N, 3, H, W), RGB, float32 in [0, 1], H and W
                multiples of ``size_divisor``; not normalised: the
                extractor normalises.

        Returns:
            Tensor: Features (N, D, H / stride, W / stride), float32.

        Raises:
            ValueError: If the images have another shape.
        """

    def freeze(self) -> None:
        """Freeze everything that is in the extractor by now."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> FeatureExtractor:
        """Set eval mode, whatever ``mode`` says."""
        return super().train(False)

    def check_images(self, images: Tensor) -> None:
        """Raise a ValueError unless :meth:`forward` can take the images."""
        shape = tuple(images.shape)
        if len(shape) != 4 or shape[1] != 3 or min(shape) < 1:
            raise ValueError(
                f'{type(self).__name__} takes images (N, 3, H, W), got {shape}'
            )
        if shape[2] % self.size_divisor or shape[3] % self.size_divisor:
            raise ValueError(
                f'{type(self).__name__} takes images whose sides are '
                f'multiples of {self.size_divisor}, got {shape[2]} x '
                f'{shape[3]}: mmseg_wsss.models.feature_extractors.'
                'dense_features resizes images of any size'
            )


class Normalise(nn.Module):
    """Normalise images in [0, 1] to what a network was trained on.

    Args:
        mean: Mean of R, G and B, in units of 0 to 255 as everywhere in MMSeg.
        std: Their standard deviations, in the same units.

    Raises:
        ValueError: If there are not three of each, or a deviation is not
            positive.
    """

    def __init__(
        self,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(
                'mean and std are three numbers each (R, G, B; in units of 0 '
                f'to 255), std positive, got {mean} and {std}'
            )
        for name, values in (('mean', mean), ('std', std)):
            scaled = torch.tensor(values, dtype=torch.float32) / 255
            self.register_buffer(name, scaled.view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise images (N, 3, H, W), RGB in [0, 1]."""
        return (images - self.mean) / self.std
