"""The images of a segmentor's normalised input."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def rgb_images(
    inputs: Tensor, data_preprocessor: nn.Module | None = None
) -> Tensor:
    """Undo a data preprocessor's normalisation.

    Padding was 0 after it and becomes the mean colour.

    Args:
        inputs: Normalised batch (N, 3, H, W), as the segmentor's forward
            gets it.
        data_preprocessor: The segmentor's, with ``mean`` and ``std`` in units
            of 0 to 255; without a mean, ``inputs`` are in [0, 255]. None:
            they are RGB in [0, 255]. ``rgb_to_bgr=True`` is not supported.

    Returns:
        Tensor: RGB in [0, 1], (N, 3, H, W), float32, without gradient.

    Raises:
        ValueError: If ``inputs`` are not a batch of colour images.
    """
    if inputs.ndim != 4 or inputs.shape[1] != 3:
        raise ValueError(
            f'expected colour images (N, 3, H, W), got {tuple(inputs.shape)}'
        )
    images = inputs.detach().float()
    mean = getattr(data_preprocessor, 'mean', None)
    if mean is not None:
        images = images * data_preprocessor.std + mean
    if not _has_rgb(data_preprocessor):
        images = images.flip(1)
    return torch.clamp(images / 255, 0, 1)


def network_inputs(
    images: Tensor, data_preprocessor: nn.Module | None = None
) -> Tensor:
    """Normalise images as a data preprocessor does.

    Args:
        images: RGB in [0, 1], (N, 3, H, W).
        data_preprocessor: As for :func:`rgb_images`, whose inverse this is.

    Returns:
        Tensor: Normalised batch (N, 3, H, W), float32, without padding.
    """
    inputs = images.float() * 255
    if not _has_rgb(data_preprocessor):
        inputs = inputs.flip(1)
    mean = getattr(data_preprocessor, 'mean', None)
    if mean is not None:
        inputs = (inputs - mean) / data_preprocessor.std
    return inputs


def _has_rgb(data_preprocessor: nn.Module | None) -> bool:
    """Return whether the network's input is RGB; MMSeg loads BGR."""
    # The stacks differ in the name.
    return any(
        getattr(data_preprocessor, name, data_preprocessor is None)
        for name in ('channel_conversion', '_channel_conversion')
    )
