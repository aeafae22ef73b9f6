"""Photos and label maps as small pictures inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ...structures.labels import BIASED_LABEL, IGNORE_LABEL
from ...visualization.overlay import label_overlay

SIDE = 320
# Bytes of a picture, if there are not too many.
MAX_PICTURE = 24_000
BIASED_COLOURS = ((255, 0, 200), (20, 0, 20))


def overlay(
    photo: np.ndarray,
    label: np.ndarray,
    palette: Sequence[Sequence[int]],
    background: int | None,
) -> np.ndarray:
    """Draw a label map over its photo, with white lines along its contours.

    Args:
        photo: (h, w, 3) uint8, RGB.
        label: Labels (H, W), integer, over the classes in use; resized to
            the photo. 255 turns white, 254 magenta with dark stripes.
        palette: An RGB triple of 0 to 255 for each class.
        background: The class that stays transparent, or None.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.
    """
    height, width = photo.shape[:2]
    small = Image.fromarray(label.astype(np.uint8)).resize(
        (width, height), Image.Resampling.NEAREST
    )
    label = np.array(small)
    blended = label_overlay(photo, label, palette, 0.6, background)
    blended[boundary(label)] = 255
    blended[label == IGNORE_LABEL] = 255
    rows, columns = np.indices(label.shape)
    stripes = (rows + columns) // 4 % 2
    colours = np.array(BIASED_COLOURS, dtype=np.uint8)[stripes]
    biased = label == BIASED_LABEL
    blended[biased] = colours[biased]
    return blended


def boundary(label: np.ndarray) -> np.ndarray:
    """Return the pixels (H, W) whose right or lower neighbour differs."""
    edge = np.zeros(label.shape, dtype=bool)
    edge[:, :-1] |= label[:, :-1] != label[:, 1:]
    edge[:-1] |= label[:-1] != label[1:]
    return edge


def data_uri(picture: np.ndarray, limit: int = MAX_PICTURE) -> str:
    """Return a picture as the data URI of a JPEG.

    Args:
        picture: (h, w, 3) uint8, RGB.
        limit: Bytes of the file. Quality is lowered, then the size halved,
            until it fits.

    Returns:
        str: ``data:image/jpeg;base64,...``.
    """
    image = Image.fromarray(picture)
    while True:
        for quality in (88, 75, 55):
            file = io.BytesIO()
            image.save(file, 'JPEG', quality=quality, subsampling=0)
            if file.tell() <= limit or max(image.size) <= 32:
                text = base64.b64encode(file.getvalue()).decode()
                return f'data:image/jpeg;base64,{text}'
        image = image.resize([max(1, side // 2) for side in image.size])
