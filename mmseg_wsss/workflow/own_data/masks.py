"""Masks of one's own, for the evaluation: checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...io.labels import save_label
from ...io.stems import image_stem
from ...structures.labels import IGNORE_LABEL
from .collection import summarise
from .photos import ImageInfo, fitting_size


def find_masks(
    folder: Path,
    photos: Mapping[str, Path],
    looks: Mapping[Path, ImageInfo],
    num_classes: int,
) -> tuple[dict[str, Path], list[str], list[str]]:
    """Find the masks of photos, and read them whole.

    A mask is ``<name of the photo>.png`` with a class index at each pixel: 0
    background, then the classes in their order, 255 for what does not count.

    Args:
        folder: The masks' folder.
        photos: Files of the photos by the names that they have here.
        looks: A look at each of them.
        num_classes: Number of classes, background included.

    Returns:
        tuple: Masks by the names of the photos; notes; and problems.
    """
    masks, notes, problems = {}, [], []
    wrong = []
    files = {image_stem(p.name): p for p in sorted(folder.glob('*.png'))}
    for stem, photo in photos.items():
        path = files.get(stem, files.get(image_stem(photo.name)))
        if path is None:
            continue
        error = _check(path, looks[photo], num_classes)
        if error:
            wrong.append(f'{path.name} {error}')
        masks[stem] = path
    origins = list(masks.values())
    twice = {path.name for path in origins if origins.count(path) > 1}
    if twice:
        problems.append(
            f'{summarise(sorted(twice))} masks belong to several photos of '
            'that name: call them as the photos are called here'
        )
    if wrong:
        problems.append(f'masks that do not fit: {"; ".join(wrong[:5])}')
    if not masks:
        problems.append(
            f'{folder} has no mask for any photo: it needs <photo>.png, such '
            f'as {next(iter(photos), "a")}.png'
        )
    rest = {path.name for path in folder.glob('*.png')}
    rest -= {path.name for path in origins}
    if rest:
        notes.append(f'{summarise(sorted(rest))} masks belong to no photo')
    return masks, notes, problems


def write_mask(
    source: Path,
    target: Path,
    max_side: int,
    palette: Sequence[Sequence[int]],
) -> None:
    """Copy a mask, made smaller as its photo is."""
    mask = Image.fromarray(_read(source))
    size = fitting_size(mask.size, max_side)
    mask = mask.resize(size, Image.Resampling.NEAREST)
    save_label(target, np.asarray(mask), palette)


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        if image.mode not in ('L', 'P', '1'):
            raise ValueError(
                f'is a picture of mode {image.mode}, not of class indices: '
                'turn its colours into indices'
            )
        if image.mode == '1':
            image = image.convert('L').point(lambda value: value // 255)
        return np.array(image)


def _check(path: Path, look: ImageInfo, num_classes: int) -> str:
    """Say what is wrong with a mask; '' if nothing is."""
    try:
        mask = _read(path)
    except ValueError as error:
        return str(error)
    except Exception as error:  # decoders raise whatever they like
        return f'cannot be read ({error})'
    size = mask.shape[::-1]
    if size != (look.width, look.height):
        turned = size == (look.height, look.width)
        return f'has {size[0]} x {size[1]} pixels, its photo ' + (
            f'{look.width} x {look.height}'
            + (': is it turned by EXIF?' if turned else '')
        )
    values = np.unique(mask)
    values = values[(values >= num_classes) & (values != IGNORE_LABEL)]
    if len(values):
        return (
            f'holds {values[:4].tolist()}, but classes are 0 to '
            f'{num_classes - 1}, and {IGNORE_LABEL} is to ignore'
        )
    return ''
