"""STEGO's code as dense features (Hamilton et al., ICLR 2022).

A small head on a frozen extractor turns its features into a code of 70
channels, in which cells of one thing lie closer together. MARS compares such
codes. :mod:`mmseg_wsss.models.feature_extractors.stego_model` trains it.
"""

from __future__ import annotations

import logging

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import MODELS
from torch import Tensor, nn

from .base import FeatureExtractor

CHANNELS = 70  # of the code
DROPOUT = 0.1  # share of the channels that are dropped in training


class STEGOHead(nn.Module):
    """Sum of a linear and a non-linear projection of each cell.

    As in the published code, the features pass a dropout of whole channels
    first, of its own for each of the two.

    Args:
        in_channels: Channels D of the features.
    """

    def __init__(self, in_channels: int):
        super().__init__()
        self.dropout = nn.Dropout2d(DROPOUT)
        self.linear = nn.Conv2d(in_channels, CHANNELS, 1)
        self.nonlinear = nn.Sequential(
            nn.Conv2d(in_channels, in_channels, 1),
            nn.ReLU(),
            nn.Conv2d(in_channels, CHANNELS, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Compute the code.

        Args:
            features: Features (N, D, h, w).

        Returns:
            Tensor: (N, 70, h, w), not normalised.
        """
        linear = self.linear(self.dropout(features))
        return linear + self.nonlinear(self.dropout(features))


@MODELS.register_module()
class STEGOFeatures(FeatureExtractor):
    """The code of a trained :class:`STEGO` model.

    Args:
        extractor (dict): The FeatureExtractor that it was trained on.
        checkpoint (str, optional): Checkpoint of the STEGO model. It holds
            the extractor's weights too, so the extractor needs none of its
            own. None leaves the head untrained, with a warning. Defaults to
            None.

    Raises:
        ValueError: If the checkpoint does not fit.
        FileNotFoundError: If there is none.
    """

    def __init__(self, extractor: dict, checkpoint: str | None = None):
        super().__init__()
        self.extractor = MODELS.build(extractor)
        self.head = STEGOHead(self.extractor.channels)
        self.channels = CHANNELS
        self.stride = self.extractor.stride
        self.size_divisor = self.extractor.size_divisor
        if checkpoint is None:
            print_log(
                'STEGOFeatures has no checkpoint: its head is random',
                logger='current',
                level=logging.WARNING,
            )
        else:
            self._load(checkpoint)
        self.freeze()

    def forward(self, images: Tensor) -> Tensor:
        """Compute the code.

        Args:
            images: RGB (N, 3, H, W), float32 in [0, 1], sides multiples of
                ``size_divisor``.

        Returns:
            Tensor: (N, 70, H / stride, W / stride), float32, not
            normalised.
        """
        return self.head(self.extractor(images)).float()

    def _load(self, checkpoint: str) -> None:
        """Load extractor and head, nothing missing and nothing left over."""
        stored = CheckpointLoader.load_checkpoint(
            checkpoint, map_location='cpu'
        )
        weights = {
            name: value
            for name, value in stored.get('state_dict', stored).items()
            if name.startswith(('extractor.', 'head.'))
        }
        try:
            self.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(
                f'{checkpoint} is not of a STEGO model with this extractor; '
                f'take it from the config that trained it: {error}'
            ) from error
