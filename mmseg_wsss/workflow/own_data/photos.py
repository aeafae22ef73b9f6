"""Photos in a folder: found, opened, and checked."""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ...io.photos import (
    fitting_size,
    has_deep_colours,
    is_transparent,
    orientation,
    upright_rgb,
)
from ...io.stems import IMAGE_SUFFIXES
from .names import list_kinds, summarise
from .settings import NETWORKS, working_size

PHOTO_SUFFIXES = IMAGE_SUFFIXES - {'.npy'}
# Folders that systems put among photos, with thumbnails or deleted files.
SYSTEM_FOLDERS = {'__macosx', '@eadir', '#recycle', '@recycle'}
SYSTEM_FOLDERS |= {'$recycle.bin', 'system volume information', 'lost+found'}
# Formats and modes that need no copy.
PLAIN_FORMATS = ('JPEG', 'MPO', 'PNG', 'BMP', 'WEBP')
PLAIN_MODES = ('RGB', 'L')
# Mean difference of grey levels that two JPEG decoders may have.
ROUNDING = 3
# Resizing shrinks photos to no less than this part of the working size.
SMALLEST_RESIZE = 0.75


@dataclass(frozen=True)
class ImageInfo:
    """What an image file holds.

    Attributes:
        width: Pixels across, as the picture is seen (EXIF followed).
        height: Pixels down.
        digest: Hash of the file's content.
        reasons: Why networks cannot take the file as it is, in words; empty
            for a plain photo.
        error: Why it cannot be used at all; '' if it can.
    """

    width: int = 0
    height: int = 0
    digest: str = ''
    reasons: tuple[str, ...] = ()
    error: str = ''


def find_files(root: Path) -> tuple[list[Path], Counter]:
    """Find the photos below a folder, by suffix, in upper or lower case.

    Hidden files and folders are passed over, and those of systems, such as
    macOS's ``__MACOSX`` and the thumbnails of Synology's ``@eaDir``.

    Args:
        root: The folder; links to folders are followed, but not into a folder
            that they lie in.

    Returns:
        tuple: Sorted paths of the photos, and the number of other files by
        suffix.
    """
    photos, others = [], Counter()
    for at, folders, names in os.walk(root, followlinks=True):
        above = [p for p in Path(at).parents if p.is_relative_to(root)]
        if Path(at).resolve() in [p.resolve() for p in above]:
            folders.clear()
            continue
        folders[:] = [f for f in sorted(folders) if is_shown(f)]
        for name in filter(is_shown, names):
            suffix = os.path.splitext(name)[1].strip().lower()
            if suffix in PHOTO_SUFFIXES:
                photos.append(Path(at) / name)
            elif name.lower() != 'thumbs.db':
                others[suffix or 'no suffix'] += 1
    return sorted(photos), others


def is_shown(name: str) -> bool:
    """Return whether a file or folder of this name counts."""
    return not name.startswith('.') and name.casefold() not in SYSTEM_FOLDERS


def inspect_image(path: Path, max_side: int = 0) -> ImageInfo:
    """Read an image file whole, as training will, and describe it.

    Args:
        path: The file.
        max_side: Longest side that may stay; 0 for any.

    Returns:
        ImageInfo: ``error`` is set for a file that cannot be read.
    """
    if not path.is_file():
        return ImageInfo(error='is no file, or a link to none')
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            reasons = _reasons(image, content)
            photo = upright_rgb(image, content)
    except UnidentifiedImageError:
        return ImageInfo(error='is no image of a known kind')
    except Exception as error:  # decoders raise errors of any kind
        words = str(error).replace(str(path), 'it').splitlines()
        return ImageInfo(error=words[0] if words else type(error).__name__)
    size = fitting_size(photo.size, max_side)
    if size != photo.size:
        reasons.insert(0, f'larger than {max_side} pixels')
    # Of the others a copy is made by Pillow; two decoders take memory.
    if not reasons and not _opencv_agrees(content, photo):
        reasons.append('read differently by OpenCV')
    if min(size) < 2:
        sides = ' x '.join(map(str, photo.size))
        return ImageInfo(error=f'has {sides} pixels: too narrow')
    return ImageInfo(
        *photo.size, hashlib.sha256(content).hexdigest(), tuple(reasons)
    )


def inspect_photos(
    root: Path,
    max_side: int,
    network: str,
    run: Callable[[Callable, list], list],
) -> tuple[dict[Path, ImageInfo], Counter]:
    """Find and inspect the photos below a folder.

    Args:
        root: The folder.
        max_side: Longest side that may stay; 0 for any.
        network: Name of the network, whose size no photo may vanish at.
        run: Calls a function on each of a list.

    Returns:
        tuple: Information on each photo, and the number of other files by
        suffix.

    Raises:
        ValueError: If there is no photo.
    """
    paths, others = find_files(root)
    if not paths:
        kinds = list_kinds(others)
        folders = [p.name for p in sorted(root.iterdir()) if p.is_dir()]
        raise ValueError(
            f'there is no photo below {root}'
            + (f', whose folders are {summarise(folders)}' if folders else '')
            + (f'; there are {kinds}: convert them to JPEG' if kinds else '')
        )
    infos = run(lambda path: inspect_image(path, max_side), paths)
    side = usual_side(infos, max_side)
    size, _ = working_size(side, NETWORKS[network].size)
    infos = dict(zip(paths, infos, strict=True))
    return _reject_narrow(infos, size), others


def usual_side(infos: Iterable[ImageInfo], max_side: int = 0) -> int:
    """Return the median long side of photos, in pixels.

    Args:
        infos: Information on the photos.
        max_side: Longest side that they keep; 0 for any.

    Returns:
        int: The median; 0 without a readable photo.
    """
    sides = sorted(
        max(info.width, info.height) for info in infos if not info.error
    )
    usual = sides[len(sides) // 2] if sides else 0
    return min(usual, max_side or usual)


def _reject_narrow(
    infos: Mapping[Path, ImageInfo], size: int
) -> dict[Path, ImageInfo]:
    """Set an error for photos of which resizing leaves no pixel.

    Args:
        infos: Information on each photo.
        size: Long side to which photos are resized.
    """
    checked = {}
    for path, info in infos.items():
        sides = info.width, info.height
        if not info.error and (
            min(sides) / max(sides) * size * SMALLEST_RESIZE < 0.5
        ):
            info = replace(
                info,
                error=f'has {sides[0]} x {sides[1]} pixels: too narrow to be '
                f'resized to {size}',
            )
        checked[path] = info
    return checked


def _reasons(image: Image.Image, content: bytes) -> list[str]:
    reasons = []
    if orientation(image) != 1:
        reasons.append('turned by EXIF')
    if has_deep_colours(image, content):
        reasons.append('colours of more than 8 bits')
    if is_transparent(image):
        reasons.append('transparent')
    elif image.mode not in PLAIN_MODES:
        reasons.append(f'colour mode {image.mode}')
    if image.format not in PLAIN_FORMATS:
        reasons.append(f'format {image.format}')
    elif image.format != 'MPO' and getattr(image, 'n_frames', 1) > 1:
        reasons.append('animated')
    return reasons


def _opencv_agrees(content: bytes, photo: Image.Image) -> bool:
    """Return whether OpenCV decodes a file to the same picture."""
    buffer = np.frombuffer(content, np.uint8)
    image = cv2.imdecode(buffer, cv2.IMREAD_COLOR)
    if image is None or image.shape[1::-1] != photo.size:
        return False
    return cv2.absdiff(image[..., ::-1], np.asarray(photo)).mean() < ROUNDING
