"""A segmentor with its normalisation inside, to be exported."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class ImageToLogits(nn.Module):
    """A segmentor that normalises RGB images itself.

    Args:
        model: The segmentor, an EncoderDecoder.
        settings: The config's ``model.data_preprocessor``.

    Raises:
        ValueError: If it has no single decode head with a channel for each
            class, or its preprocessor pads images.
    """

    def __init__(self, model: nn.Module, settings: Mapping) -> None:
        super().__init__()
        head = getattr(model, 'decode_head', None)
        if (
            head is None
            or isinstance(head, nn.ModuleList)
            or head.out_channels != head.num_classes
        ):
            raise ValueError(
                f'{type(model).__name__} cannot be exported: it needs one '
                'decode head with a channel for each class'
            )
        if settings.get('test_cfg'):
            raise ValueError(
                'model.data_preprocessor.test_cfg pads images, which an '
                'exported network does not: remove it'
            )
        self.model = model
        mean = torch.tensor(settings.get('mean') or [0.0] * 3)
        std = torch.tensor(settings.get('std') or [1.0] * 3)
        self.register_buffer('mean', mean.float().reshape(1, 3, 1, 1))
        self.register_buffer('std', std.float().reshape(1, 3, 1, 1))
        # MMSeg loads BGR: the network sees it, unless it is converted.
        keys = ('bgr_to_rgb', 'rgb_to_bgr')
        self.flip = not any(settings.get(key) for key in keys)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits of the images' size.

        Args:
            image: (N, 3, H, W) float32, RGB, 0 to 255.

        Returns:
            Tensor: (N, C, H, W) float32.
        """
        image = image.flip(1) if self.flip else image
        metas = [dict(img_shape=image.shape[2:])]
        return self.model.encode_decode((image - self.mean) / self.std, metas)
