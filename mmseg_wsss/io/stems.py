"""Names of images in lists and label files.

A list of images, and every file that belongs to an image, has the name that
the image has on disk, as MMSeg builds paths from it. Two names mean the same
image if :func:`image_stem` is the same for both.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    ('.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.bmp', '.gif', '.tif')
    + ('.tiff', '.webp', '.npy')
)
# Of photos that have to be converted; label files may name the originals.
OTHER_SUFFIXES = frozenset(('.heic', '.heif', '.avif', '.dng', '.cr2', '.nef'))


def image_stem(name: str) -> str:
    """Return the identity of an image: the same for all spellings of its name.

    Folders and known image suffixes are cut, all of them: ``'x.jpg.jpg'``, as
    downloads are called, and ``'x.heic.jpg'`` are ``'x'``. Any other dot
    belongs to the stem, so that ``'scan.v2'`` and ``'a/scan.v2.jpg'`` are the
    same image. Letters with accents are composed (Unicode's NFC): macOS writes
    them as two characters in file names, keyboards as one. A byte order mark
    is dropped.

    A stem's stem is the stem itself.

    Args:
        name: An id, a file name, or a path with slashes of either kind.

    Returns:
        str: The stem, empty if ``name`` holds none.
    """
    stem = unicodedata.normalize('NFC', name).replace('\ufeff', '')
    while (shorter := file_stem(stem)) != stem:
        stem = shorter
    name, suffix = os.path.splitext(stem)
    return name if suffix.lower() in OTHER_SUFFIXES else stem


def file_stem(name: str) -> str:
    """Return a name without folders and without one known image suffix.

    This is the name in MMSeg's lists, whose paths must exist on disk.

    Args:
        name: An id, a file name, or a path with slashes of either kind.

    Returns:
        str: The name, empty if ``name`` holds none.
    """
    last = name.strip().replace('\\', '/').rsplit('/', 1)[-1]
    stem, suffix = os.path.splitext(last)
    return stem if suffix.lower() in IMAGE_SUFFIXES else last


def unique_stems(paths: Iterable[str | os.PathLike]) -> list[str]:
    """Return the names of the files that belong to images.

    They are the images' own, one suffix cut, because MMSeg looks for the mask
    of ``x.jpg.jpg`` under ``x.jpg.png``.

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
