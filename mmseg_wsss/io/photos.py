"""Reader of photos, upright as their EXIF data say."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image, ImageOps


def read_photo(
    path: str | os.PathLike, max_side: int | None = None
) -> np.ndarray:
    """Read a photo upright, as its EXIF data say.

    MMSeg's LoadImageFromFile reads it in this position too.

    Args:
        path: The image file.
        max_side: A photo whose longer side has more pixels is shrunk.
            Defaults to None, any size.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.

    Raises:
        OSError: If there is no such file, or it is no image.
    """
    with Image.open(path) as file:
        if max_side is not None:  # JPEGs: decode no more of them
            file.draft('RGB', (max_side, max_side))
        image = ImageOps.exif_transpose(file).convert('RGB')
    if max_side is not None:
        image.thumbnail((max_side, max_side), Image.Resampling.BICUBIC)
    return np.array(image)
