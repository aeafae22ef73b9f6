"""Weights of the pixels of a label map, on its data sample.

They are an ordinary data field, so they move to the device with the sample.
:class:`mmseg_wsss.PixelWeightSampler` hands them to the losses.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

FIELD = 'pixel_weights'


def set_pixel_weights(data_sample, weights: Tensor) -> None:
    """Store pixel weights on a data sample.

    Args:
        data_sample (SegDataSample): The sample; changed in place.
        weights: (H, W), the size of its label map, any float dtype, >= 0. It
            is stored as float32, without gradient.

    Raises:
        ValueError: If ``weights`` is not one float map.
    """
    if weights.ndim != 2 or not weights.is_floating_point():
        raise ValueError(
            'pixel weights must be one float map (H, W), got '
            f'{weights.dtype} {tuple(weights.shape)}'
        )
    data_sample.set_field(weights.detach().float(), FIELD, dtype=Tensor)


def stack_pixel_weights(data_samples: Sequence | None) -> Tensor | None:
    """Stack the pixel weights of a batch.

    Args:
        data_samples (Sequence[SegDataSample]): N samples.

    Returns:
        Tensor | None: (N, H, W), float32, on the samples' device, ones for a
        sample that has no weights. None if no sample has any.

    Raises:
        ValueError: If the maps differ in size.
    """
    weights = [sample.get(FIELD) for sample in data_samples or ()]
    given = [w for w in weights if w is not None]
    if not given:
        return None
    sizes = {tuple(w.shape) for w in given}
    if len(sizes) != 1:
        raise ValueError(
            f'the pixel weights of one batch have different sizes '
            f'{sorted(sizes)}: set them after the batch was padded'
        )
    ones = torch.ones_like(given[0])
    return torch.stack([ones if w is None else w for w in weights])
