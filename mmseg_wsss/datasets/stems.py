"""How images are named in lists and label files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    ('.jpg', '.jpeg', '.png', '.bmp', '.gif', '.tif', '.tiff', '.webp', '.npy')
)


def image_stem(name: str) -> str:
    """Reduce an image's path, file name or id to its stem.

    Folders and a known image suffix are cut; any other dot belongs to the
    stem, so that ``'scan.v2'`` and ``'a/scan.v2.jpg'`` are the same image.

    Args:
        name: An id, a file name, or a path with slashes of either kind.

    Returns:
        str: The stem, empty if ``name`` holds none.
    """
    last = name.strip().replace('\\', '/').rsplit('/', 1)[-1]
    stem, suffix = os.path.splitext(last)
    return stem if suffix.lower() in IMAGE_SUFFIXES else last


def unique_stems(paths: Iterable[str | os.PathLike]) -> list[str]:
    """List the names of the files that belong to images.

    Args:
        paths: Paths of the images.

    Returns:
        list[str]: Their file names without suffix.

    Raises:
        ValueError: If two images have the same.
    """
    stems = [Path(path).stem for path in paths]
    twins = [stem for stem, count in Counter(stems).items() if count > 1]
    if twins:
        raise ValueError(
            f'{len(twins)} image names occur more than once, e.g. {twins[0]}: '
            'a CAM or label file could belong to either. Rename the images'
        )
    return stems
