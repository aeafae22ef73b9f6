"""Files that are written whole or not at all, our array formats, photos."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

IGNORE_LABEL = 255
BIASED_LABEL = 254
MAX_CLASSES = 254


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file whole or not at all.

    The block writes to the temporary path it is given, in the same folder and
    with the same suffix; the file takes its name when the block ends well.
    That path is hidden, and short: any name that a file may have is good.

    Args:
        path: The file to write. Missing folders are made.

    Yields:
        Path: Where to write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    temporary = path.with_name(f'.{name}.{os.getpid()}.tmp{path.suffix}')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_cam(
    path: str | os.PathLike, classes: np.ndarray, cam: np.ndarray
) -> None:
    """Write the CAMs of one image (``.npz``, keys ``classes`` and ``cam``).

    Args:
        path: File to write.
        classes: Class indices (K,), integer, in the data set's full list.
        cam: Normalised CAMs (K, h, w) in [0, 1]; stored as float16.

    Raises:
        ValueError: If shapes do not fit or a value is outside [0, 1].
    """
    if cam.ndim != 3 or len(classes) != len(cam):
        raise ValueError(
            f'{path}: expected K classes and cam (K, h, w), got '
            f'{len(classes)} and {cam.shape}'
        )
    if cam.size and not (cam.min() >= 0 and cam.max() <= 1):
        raise ValueError(
            f'{path}: a CAM lies in [0, 1], got values from {cam.min():.3g} '
            f'to {cam.max():.3g}; does the network end in a CAMHead?'
        )
    with whole_file(path) as part:
        np.savez_compressed(
            part,
            classes=np.asarray(classes, dtype=np.int64),
            cam=cam.astype(np.float16),
        )


def load_cam(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read the CAMs of one image.

    Args:
        path: File written by :func:`save_cam`.

    Returns:
        tuple: ``classes`` int64 (K,) and ``cam`` float16 (K, h, w) in
        [0, 1].

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            classes, cam = stored['classes'], stored['cam']
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f'{path} is not a CAM file: {error}') from error
    shapes_fit = classes.ndim == 1 and cam.ndim == 3
    types_fit = classes.dtype.kind in 'iu' and cam.dtype.kind == 'f'
    if not (shapes_fit and types_fit and len(classes) == len(cam)):
        raise ValueError(
            f'{path} is damaged: classes {classes.dtype} {classes.shape} and '
            f'cam {cam.dtype} {cam.shape} should be integer (K,) and float '
            '(K, h, w); write it anew'
        )
    if cam.size and not (cam.min() >= 0 and cam.max() <= 1):
        raise ValueError(f'{path}: a CAM lies in [0, 1]; write it anew')
    return classes, cam


def save_features(path: str | os.PathLike, features: np.ndarray) -> None:
    """Write the dense features of one image (``.npy``, float16).

    Args:
        path: File to write.
        features: Features (D, h, w), of any floating type.

    Raises:
        ValueError: If the shape is another, or a value is not a number that
            float16 holds (up to 65504).
    """
    if features.ndim != 3 or not features.size:
        raise ValueError(
            f'{path}: expected features (D, h, w), got {features.shape}'
        )
    with np.errstate(over='ignore'):
        stored = features.astype(np.float16)
    if not np.isfinite(stored).all():
        raise ValueError(
            f'{path}: a feature is infinite, not a number, or larger than '
            'the 65504 of float16; are the weights whole, and is the image '
            'normalised as the network needs it?'
        )
    with whole_file(path) as part:
        np.save(part, stored, allow_pickle=False)


def load_features(path: str | os.PathLike) -> np.ndarray:
    """Read the dense features of one image.

    Args:
        path: File written by :func:`save_features`.

    Returns:
        np.ndarray: Features (D, h, w), float16, finite.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or is something else.
    """
    try:
        features = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f'{path} is not a feature file: {error}') from error
    if not isinstance(features, np.ndarray) or features.ndim != 3:
        found = getattr(features, 'shape', 'several arrays')
        raise ValueError(
            f'{path} is not a feature file: expected (D, h, w), got {found}'
        )
    if features.dtype != np.float16 or not features.size:
        raise ValueError(
            f'{path} is not a feature file: expected float16, got '
            f'{features.dtype} {features.shape}'
        )
    if not np.isfinite(features).all():
        raise ValueError(
            f'{path} is damaged: a feature is not a finite number; remove '
            'the file and run tools/extract_features.py again'
        )
    return features


def save_label(
    path: str | os.PathLike,
    label: np.ndarray,
    palette: Sequence[Sequence[int]],
) -> None:
    """Write a label map as an 8-bit palette PNG.

    Args:
        path: File to write.
        label: Integer labels (H, W): class indices, 255 to ignore, 254 for
            biased pixels.
        palette: One RGB triple of 0 to 255 per class.

    Raises:
        ValueError: If a label is neither a class nor 254 or 255.
    """
    known = (label >= 0) & (label < len(palette))
    if not (known | np.isin(label, (BIASED_LABEL, IGNORE_LABEL))).all():
        raise ValueError(
            f'{path}: labels must be in [0, {len(palette)}) or 254 or 255, '
            f'got {np.unique(label).tolist()[:20]}'
        )
    colours = np.zeros((256, 3), dtype=np.uint8)
    colours[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    colours[BIASED_LABEL] = 128
    colours[IGNORE_LABEL] = 255
    image = Image.fromarray(label.astype(np.uint8), mode='L')
    image.putpalette(colours.tobytes())
    with whole_file(path) as part:
        image.save(part, format='PNG')


def read_photo(
    path: str | os.PathLike, max_side: int | None = None
) -> np.ndarray:
    """Read a photo as it is seen: upright, as its EXIF data say.

    MMSeg's LoadImageFromFile reads it in this position too.

    Args:
        path: The image file.
        max_side: A photo whose longer side has more pixels is made smaller.
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
