"""How much room features take on disk, told before they are written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ..models.feature_extractors import feature_grid

HEADER = 128  # of a .npy file
SAMPLED = 2000


def feature_bytes(
    paths: Sequence[str | Path],
    channels: int,
    stride: int,
    sampled: int = SAMPLED,
) -> int:
    """Tell how many bytes the images' features will take.

    Only the headers of the image files are read; of a large set those of an
    even sample. Files that cannot be read count like the others.

    Args:
        paths: The image files.
        channels: Channels of the features, float16.
        stride: Pixels per cell.
        sampled: How many headers are read at most.

    Returns:
        int: Bytes; 0 if there is no image that can be read.
    """
    count = min(len(paths), sampled)
    sample = [paths[k * len(paths) // count] for k in range(count)]
    sizes = []
    for path in sample:
        try:
            with Image.open(path) as image:
                rows, columns = feature_grid(image.size, stride)
        except OSError:  # the image will fail when its turn comes
            continue
        sizes.append(HEADER + 2 * channels * rows * columns)
    return round(sum(sizes) / max(len(sizes), 1) * len(paths))


def free_bytes(folder: Path) -> int:
    """Tell how many bytes are free where a folder is, or will be made."""
    folder = folder.resolve()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def readable(size: int) -> str:
    """Write a number of bytes for people, in powers of 1000."""
    value, units = float(size), ['B', 'kB', 'MB', 'GB', 'TB']
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f'{value:.0f} B' if units[0] == 'B' else f'{value:.1f} {units[0]}'
