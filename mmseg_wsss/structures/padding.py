"""Which cells of a map show the image, and which the batch's padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def unpadded_cells(data_samples: Sequence, size: Sequence[int]) -> Tensor:
    """Return which cells of a map lie on the image.

    MMSeg's data preprocessor pads images below and at the right to the size
    of the batch, and records it as ``img_shape`` and ``padding_size``. A
    cell counts if its first pixel is one of the image, as in a mask resized
    to the nearest pixel.

    Args:
        data_samples (list[SegDataSample]): Of the batch's N images. Where
            nothing is recorded, nothing was padded.
        size: Height and width (h, w) of the map.

    Returns:
        Tensor: (N, 1, h, w) of 0 and 1, float32, on the CPU.

    Example:
        >>> from mmseg.structures import SegDataSample
        >>> sample = SegDataSample()
        >>> sizes = dict(img_shape=(32, 20), padding_size=(0, 12, 0, 0))
        >>> sample.set_metainfo(sizes)
        >>> unpadded_cells([sample], (1, 4))
        tensor([[[[1., 1., 1., 0.]]]])
    """
    valid = torch.zeros(len(data_samples), 1, *size)
    for mask, sample in zip(valid, data_samples, strict=True):
        meta = sample.metainfo
        _, right, _, below = meta.get('padding_size', (0, 0, 0, 0))
        height, width = meta.get('img_shape', size)[:2]
        rows = -(-height * size[0] // (height + below))
        columns = -(-width * size[1] // (width + right))
        mask[:, :rows, :columns] = 1
    return valid


def check_unpadded(meta: Mapping) -> None:
    """Check that an image was not padded for testing.

    Args:
        meta: Its meta information, after the data preprocessor.

    Raises:
        ValueError: If it was.
    """
    padding = meta.get('img_padding_size', meta.get('padding_size', (0,)))
    if any(padding):
        raise ValueError(
            f'{meta.get("img_path", "an image")} was padded by '
            f'{tuple(padding)} for testing: a CAM is normalised over the '
            'image alone. Drop size and size_divisor from '
            'model.data_preprocessor.test_cfg, and test one image per batch'
        )
