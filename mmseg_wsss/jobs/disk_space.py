"""Check of the disk space before features are written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import print_log
from PIL import Image

from ..models.feature_extractors import feature_grid

HEADER = 128  # of a .npy file
SAMPLED = 2000  # headers of images that are read at most


def feature_bytes(
    paths: Sequence[str | Path], channels: int, stride: int
) -> int:
    """Return how many bytes the images' features will take.

    Only the headers of the image files are read; of a large set those of an
    even sample. Files that cannot be read count like the others.

    Args:
        paths: The image files.
        channels: Channels of the features, float16.
        stride: Pixels per cell.

    Returns:
        int: Bytes; 0 if there is no image that can be read.
    """
    count = min(len(paths), SAMPLED)
    sample = [paths[k * len(paths) // count] for k in range(count)]
    sizes = []
    for path in sample:
        try:
            with Image.open(path) as image:
                rows, columns = feature_grid(image.size, stride)
        except OSError:  # reported when the image is processed
            continue
        sizes.append(HEADER + 2 * channels * rows * columns)
    return round(sum(sizes) / max(len(sizes), 1) * len(paths))


def check_space(folder: Path, needed: int) -> None:
    """Log the disk space that features take, and check that it is free.

    Args:
        folder: Where they are written.
        needed: Bytes that they take.

    Raises:
        ValueError: If fewer bytes are free.
    """
    free = free_bytes(folder)
    space = f'take about {readable(needed)}, {readable(free)} are free'
    print_log(f'the features {space}', logger='current')
    if needed > free:
        raise ValueError(
            f'the features {space} at {folder}: make room, use another '
            '--out-dir, or a larger feature_extraction.stride (twice the '
            'stride takes a quarter)'
        )


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free where a folder is or will be."""
    folder = folder.resolve()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def readable(size: int) -> str:
    """Return a number of bytes as text, in powers of 1000."""
    value, units = float(size), ['B', 'kB', 'MB', 'GB', 'TB']
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f'{value:.0f} B' if units[0] == 'B' else f'{value:.1f} {units[0]}'
