"""The reader of photos: upright, opaque, 8-bit RGB, whatever the file holds.

Everything that reads photos of unknown origin goes through
``decode_photo``. MMSeg's LoadImageFromFile does so with::

    dict(
        type='LoadImageFromFile',
        backend_args=dict(backend='mmseg_wsss.photo'),
    )
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import cv2
import numpy as np
from mmengine.fileio import BaseStorageBackend, register_backend
from PIL import Image

# Bits in use of a file with more than 8.
DEPTHS = (8, 10, 12, 14, 16)
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 0x0102
_PHOTOMETRIC = 0x0106
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_photo(
    path: str | os.PathLike, max_side: int | None = None
) -> np.ndarray:
    """Read a photo file as ``decode_photo`` does.

    Args:
        path: The image file.
        max_side: A photo whose longer side has more pixels is shrunk.
            Defaults to None, any size.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.

    Raises:
        OSError: If there is no such file, or it is no image.
        ValueError: If it is damaged, or its values are of no known range.
    """
    try:
        image = decode_photo(Path(path).read_bytes(), max_side)
    except Image.UnidentifiedImageError as error:
        raise Image.UnidentifiedImageError(f'{path} is no image') from error
    except (OSError, ValueError):
        raise
    except Exception as error:  # decoders raise errors of any kind
        raise ValueError(f'{path}: {error}') from error
    return np.array(shrink(image, max_side or 0))


def decode_photo(content: bytes, min_side: int | None = None) -> Image.Image:
    """Decode a photo upright, in 8-bit RGB.

    It is turned as its EXIF data say and laid on white where it is
    transparent; of an animation the first picture is taken. More than 8 bits
    become 8: those in use are the fewest of 8, 10, 12, 14 and 16 that hold
    its brightest value.

    Args:
        content: Content of the image file.
        min_side: JPEGs may be decoded smaller, down to this longer side.
            Defaults to None, the full size.

    Returns:
        Image.Image: RGB.

    Raises:
        OSError: If it is no image, or damaged.
        ValueError: If its values are of no known range.
    """
    with Image.open(io.BytesIO(content)) as image:
        if min_side is not None:
            image.draft('RGB', (min_side, min_side))
        image.load()
        return upright_rgb(image, content)


def shrink(image: Image.Image, max_side: int = 0) -> Image.Image:
    """Return an image, shrunk with antialiasing to a longest side.

    Args:
        image: The image.
        max_side: Longest side in pixels; 0 for any.
    """
    size = fitting_size(image.size, max_side)
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS)


def fitting_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Return a (width, height), shrunk to a longest side unless it is 0."""
    if not max_side or max(size) <= max_side:
        return size
    ratio = max_side / max(size)
    return tuple(max(1, round(side * ratio)) for side in size)


def upright_rgb(image: Image.Image, content: bytes) -> Image.Image:
    """Convert an image as ``decode_photo`` does.

    Args:
        image: The loaded image.
        content: Content of its file.

    Returns:
        Image.Image: RGB.

    Raises:
        ValueError: If its values are of no known range.
    """
    turn = _UPRIGHT.get(orientation(image))
    if has_deep_colours(image, content):
        image = _reduce_colours(content)
    elif image.mode.startswith('I') or image.mode == 'F':
        image = _reduce_greys(image)
    if is_transparent(image):
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    image = image.convert('RGB')
    return image if turn is None else image.transpose(turn)


def orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 where it cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data raise errors of any kind
        return 1
    return value if value in _UPRIGHT else 1


def is_transparent(image: Image.Image) -> bool:
    """Return whether an image has an alpha channel or a transparent colour."""
    return image.mode in ('RGBA', 'LA', 'PA', 'La', 'RGBa') or (
        'transparency' in image.info
    )


def has_deep_colours(image: Image.Image, content: bytes) -> bool:
    """Return whether Pillow has cut colours of 16 bits to their upper 8."""
    if image.mode not in ('RGB', 'RGBA', 'LA', 'RGBX'):
        return False
    if image.format == 'PNG':
        return content[24] == 16  # the header's depth
    if image.format == 'TIFF':
        return max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) > 8
    return False


def _reduce_colours(content: bytes) -> Image.Image:
    """Decode colours of 16 bits, which Pillow cannot, and keep 8 in use."""
    values = cv2.imdecode(
        np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED
    )
    if values is None or values.dtype != np.uint16 or values.ndim != 3:
        raise ValueError(
            'has colours of more than 8 bits in a form that is not read: '
            'convert it to 8 bits'
        )
    values = values[..., [2, 1, 0, 3][: values.shape[2]]]
    colours = values[..., :3] >> (_bits_in_use(values[..., :3]) - 8)
    parts = [colours, values[..., 3:] >> 8]
    return Image.fromarray(np.concatenate(parts, -1).astype(np.uint8))


def _reduce_greys(image: Image.Image) -> Image.Image:
    """Return the upper 8 of the bits in use of whole numbers.

    Pillow neither inverts TIFFs of 16 bits whose zero is white, nor makes a
    grey of 16 bits transparent that a PNG names.
    """
    if image.mode == 'F':
        raise ValueError(
            'has floating point numbers, of a range that is not known: '
            'convert it to whole numbers of 8 or 16 bits'
        )
    values = np.asarray(image)
    greys = (values >> (_bits_in_use(values) - 8)).astype(np.uint8)
    if image.format == 'TIFF' and image.tag_v2.get(_PHOTOMETRIC) == 0:
        greys = 255 - greys
    if 'transparency' not in image.info:
        return Image.fromarray(greys)
    opaque = 255 * (values != image.info['transparency']).astype(np.uint8)
    return Image.fromarray(np.stack([greys, opaque], -1))


def _bits_in_use(values: np.ndarray) -> int:
    """Return the fewest of DEPTHS that hold all values."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 2 ** DEPTHS[-1]:
        raise ValueError(
            f'has values from {low} to {high}, photos have 0 to 65535: '
            'convert it to 8 or 16 bits'
        )
    return next(bits for bits in DEPTHS if high < 2**bits)


@register_backend('mmseg_wsss.photo', force=True)
class PhotoBackend(BaseStorageBackend):
    """File backend of MMEngine that returns every photo as a plain BMP.

    Any image decoder reads such a file alike, so that what
    LoadImageFromFile loads is what ``decode_photo`` returns.

    Args:
        max_side: A photo whose longer side has more pixels is shrunk to it.
            Defaults to 0, any size.
    """

    def __init__(self, max_side: int = 0) -> None:
        self.max_side = max_side

    def get(self, filepath: str | os.PathLike) -> bytes:
        """Return the content of a BMP file.

        Raises:
            OSError, ValueError: If the photo cannot be read, with its path.
        """
        try:
            image = decode_photo(Path(filepath).read_bytes())
        except Exception as error:  # decoders raise errors of any kind
            raise ValueError(f'cannot read {filepath}: {error}') from error
        buffer = io.BytesIO()
        shrink(image, self.max_side).save(buffer, format='BMP')
        return buffer.getvalue()

    def get_text(self, filepath: str | os.PathLike, encoding: str = 'utf-8'):
        """Raise: photos are no text."""
        raise NotImplementedError(f'{filepath} is read as a photo')
