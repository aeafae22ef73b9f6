"""Label maps and CAMs drawn over their image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from .contact_sheet import colorize

_STOPS = np.array(
    [
        [20, 20, 90],
        [30, 120, 200],
        [70, 200, 120],
        [250, 220, 60],
        [200, 30, 30],
    ],
    dtype=np.float64,
)
_ROWS = 256


def label_overlay(
    image: np.ndarray,
    label: np.ndarray,
    palette: Sequence[Sequence[int]],
    opacity: float = 0.6,
    background_index: int | None = 0,
) -> np.ndarray:
    """Draw a label map over its image.

    Args:
        image: (H, W, 3) uint8, RGB.
        label: Integer labels (H, W); the background stays transparent,
            labels without a class are white.
        palette: One RGB triple of 0 to 255 per class.
        opacity: Of the labels, in [0, 1].
        background_index: Index of the background, None if there is none.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.
    """
    colours = colorize(label, palette)
    drawn = np.empty_like(image)
    for top in range(0, len(image), _ROWS):  # photos may be large
        rows = slice(top, top + _ROWS)
        clear = label[rows] == background_index
        alpha = np.where(clear, 0, opacity)[..., None]
        drawn[rows] = _blend(image[rows], colours[rows], alpha)
    return drawn


def cam_overlay(
    image: np.ndarray, cam: np.ndarray, opacity: float = 0.6
) -> np.ndarray:
    """Draw a CAM over its image, from blue (0) to red (1).

    Args:
        image: (H, W, 3) uint8, RGB.
        cam: Scores (h, w) in [0, 1]; resized to the image.
        opacity: Of the colours, in [0, 1].

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.
    """
    size = image.shape[1], image.shape[0]
    heat = Image.fromarray(cam.astype(np.float32)).resize(
        size, Image.Resampling.BILINEAR
    )
    at = np.clip(np.asarray(heat), 0, 1) * (len(_STOPS) - 1)
    low = np.floor(at).astype(int).clip(max=len(_STOPS) - 2)
    part = (at - low)[..., None]
    colours = _STOPS[low] * (1 - part) + _STOPS[low + 1] * part
    return _blend(image, colours, opacity)


def _blend(image: np.ndarray, colours: np.ndarray, alpha) -> np.ndarray:
    return (image * (1 - alpha) + colours * alpha).round().astype(np.uint8)
