"""Photos in a folder: found, opened, and judged."""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ...io.stems import IMAGE_SUFFIXES

PHOTO_SUFFIXES = IMAGE_SUFFIXES - {'.npy'}
# What OpenCV and Pillow read alike: they need no copy.
PLAIN_FORMATS = ('JPEG', 'MPO', 'PNG', 'BMP', 'WEBP')
PLAIN_MODES = ('RGB', 'L')
# Bits that cameras and scanners use of 16.
DEPTHS = (8, 10, 12, 14, 16)
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class ImageInfo:
    """What a look into an image file shows.

    Attributes:
        width: Pixels across, as the picture is seen (EXIF followed).
        height: Pixels down.
        digest: Hash of the file's content.
        reasons: Why networks cannot take the file as it is, in words; empty
            for a plain photo.
        error: Why it cannot be read at all; '' if it can.
    """

    width: int = 0
    height: int = 0
    digest: str = ''
    reasons: tuple[str, ...] = ()
    error: str = ''


def find_files(root: Path) -> tuple[list[Path], Counter]:
    """Find the photos below a folder, by suffix, in upper or lower case.

    Hidden files and folders, and macOS's ``__MACOSX``, are passed over.

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
            suffix = os.path.splitext(name)[1].lower()
            if suffix in PHOTO_SUFFIXES:
                photos.append(Path(at) / name)
            elif name.lower() != 'thumbs.db':
                others[suffix or 'no suffix'] += 1
    return sorted(photos), others


def is_shown(name: str) -> bool:
    """Tell whether a file or folder of this name counts."""
    return not name.startswith('.') and name != '__MACOSX'


def inspect_image(path: Path, max_side: int = 0) -> ImageInfo:
    """Read an image file whole and say what it is.

    Args:
        path: The file.
        max_side: Longest side that may stay; 0 for any.

    Returns:
        ImageInfo: ``error`` is set for a file that cannot be read.
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            _depth(image)
            size = _upright_size(image)
            reasons = _reasons(image, max(size), max_side)
    except UnidentifiedImageError:
        return ImageInfo(error='is no image of a known kind')
    except Exception as error:  # decoders raise whatever they like
        words = str(error).replace(str(path), 'it').splitlines()
        return ImageInfo(error=words[0] if words else type(error).__name__)
    return ImageInfo(
        *size, hashlib.sha256(content).hexdigest(), tuple(reasons)
    )


def open_upright(path: Path, max_side: int = 0) -> Image.Image:
    """Read a photo as people see it, in 8-bit RGB.

    It is turned as its EXIF data say, laid on white where it is transparent,
    of an animation the first picture is taken, and it is made smaller if it
    is too large. More than 8 bits become 8: those in use are the fewest of
    8, 10, 12, 14 and 16 that hold its brightest value.

    Args:
        path: The file.
        max_side: Longest side in pixels; 0 for any.

    Returns:
        Image.Image: RGB.

    Raises:
        ValueError: If its values are of no known range.
    """
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith('I'):
            values = np.asarray(image) >> (_depth(image) - 8)
            image = Image.fromarray(values.astype(np.uint8))
        elif _is_transparent(image):
            image = image.convert('RGBA')
            white = Image.new('RGBA', image.size, 'white')
            image = Image.alpha_composite(white, image)
        image = image.convert('RGB')
    size = fitting_size(image.size, max_side)
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS)


def fitting_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Shrink a (width, height) to a longest side; 0 leaves it."""
    if not max_side or max(size) <= max_side:
        return size
    ratio = max_side / max(size)
    return tuple(max(1, round(side * ratio)) for side in size)


def usual_side(looks: Iterable[ImageInfo], max_side: int = 0) -> int:
    """Tell the long side of a usual photo, in pixels.

    Args:
        looks: Looks at the photos.
        max_side: Longest side that they keep; 0 for any.

    Returns:
        int: The median; 0 without a readable photo.
    """
    sides = sorted(max(k.width, k.height) for k in looks if not k.error)
    usual = sides[len(sides) // 2] if sides else 0
    return min(usual, max_side or usual)


def _depth(image: Image.Image) -> int:
    """Tell the bits that a photo's values need, 8 if it has no more.

    Raises:
        ValueError: If nothing says which values are black and white.
    """
    if image.mode == 'F':
        raise ValueError(
            'has floating point numbers, of a range that is not known: '
            'convert it to whole numbers of 8 or 16 bits'
        )
    if not image.mode.startswith('I'):
        return 8
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 2 ** DEPTHS[-1]:
        raise ValueError(
            f'has values from {low} to {high}, photos have 0 to 65535: '
            'convert it to 8 or 16 bits'
        )
    return next(bits for bits in DEPTHS if high < 2**bits)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    return image.size[::-1] if turned else image.size


def _reasons(image: Image.Image, longest: int, max_side: int) -> list[str]:
    reasons = []
    if max_side and longest > max_side:
        reasons.append(f'larger than {max_side} pixels')
    if image.getexif().get(_ORIENTATION, 1) not in (0, 1):
        reasons.append('turned by EXIF')
    if _is_transparent(image):
        reasons.append('transparent')
    elif image.mode not in PLAIN_MODES:
        reasons.append(f'colour mode {image.mode}')
    if image.format not in PLAIN_FORMATS:
        reasons.append(f'format {image.format}')
    elif image.format != 'MPO' and getattr(image, 'n_frames', 1) > 1:
        reasons.append('animated')
    return reasons


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ('RGBA', 'LA', 'PA', 'La', 'RGBa') or (
        'transparency' in image.info
    )
