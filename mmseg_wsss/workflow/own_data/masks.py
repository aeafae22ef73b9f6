"""Masks of one's own, for the evaluation: checked before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ...datasets.mask_checks import MaskCheck
from ...io.labels import save_label
from ...io.photos import fitting_size
from ...io.stems import image_stem
from .names import SHOWN, list_kinds, summarise
from .photos import ImageInfo, is_shown

LOSSY = ('JPEG', 'MPO', 'JPEG2000', 'WEBP')


def find_masks(
    folder: Path,
    photos: Mapping[str, Path],
    infos: Mapping[Path, ImageInfo],
    labels: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> tuple[dict[str, Path], list[str], list[str]]:
    """Find the masks of photos, read them whole, and check them.

    A mask is ``<name of the photo>.png`` with a class index at each pixel: 0
    background, then the classes in their order, 255 for what does not count.

    Args:
        folder: The masks' folder.
        photos: Files of the photos by the names that they have here.
        infos: Information on each of them.
        labels: Class names of each photo, by name.
        classes: The class names, background first.

    Returns:
        tuple: Masks by the names of the photos; notes; and problems.
    """
    files, notes, problems = _find_files(folder)
    masks, turned, unfit = {}, [], {}
    check = MaskCheck(classes)
    for stem, photo in photos.items():
        path = files.get(stem, files.get(image_stem(photo.name)))
        if path is None:
            continue
        masks[stem] = path
        try:
            mask = read_mask(path)
            _check_size(mask, infos[photo])
        except UnidentifiedImageError:
            unfit[path.name] = 'is no image of a known kind'
            continue
        except Exception as error:  # decoders raise errors of any kind
            unfit[path.name] = str(error)
            continue
        check.add(path.name, mask, np.isin(classes, labels[stem]))
        if _may_be_turned(photo, infos[photo]):
            turned.append(path.name)
    origins = list(masks.values())
    twice = {path.name for path in origins if origins.count(path) > 1}
    if twice:
        problems.append(
            f'{summarise(sorted(twice))} masks belong to several photos of '
            'that name: call them as the photos are called here'
        )
    if unfit:
        some = [f'{name} {error}' for name, error in unfit.items()]
        problems.append(
            f'{len(unfit)} masks cannot be used: {"; ".join(some[:SHOWN])}'
            + ('; ...' if len(some) > SHOWN else '')
        )
    problems += check.problems()
    if check.problems():
        problems[-1] += (
            '. If they also count classes that no photo has, give all '
            'classes in their order with --classes'
        )
    if not masks:
        problems.append(
            f'{folder} has no mask for any photo: it needs <photo>.png, such '
            f'as {next(iter(photos), "a")}.png'
        )
    rest = {path.name for path in files.values()}
    rest -= {path.name for path in origins}
    if rest:
        notes.append(f'{summarise(sorted(rest))} masks belong to no photo')
    if turned:
        notes.append(
            f'{summarise(turned)} masks belong to photos that EXIF turns or '
            'mirrors: masks must be drawn on the photo as it is seen, not as '
            'it is stored; their sizes cannot tell'
        )
    notes += check.warnings()
    missing = check.missing_classes()
    if check.num_maps and missing:
        notes.append(f'no mask shows {", ".join(missing)}')
    return masks, notes, problems


def evaluation_notes(
    masks: Sequence[Path], classes: Sequence[str]
) -> list[str]:
    """Return which classes the masks of the evaluation do not show.

    Args:
        masks: Those of the photos set aside, of photos without a class too.
        classes: The class names, background first.
    """
    shown = {value for path in masks for value in np.unique(read_mask(path))}
    missing = [name for k, name in enumerate(classes) if k not in shown]
    if not masks or not missing:
        return []
    return [
        f'The {len(masks)} masks for evaluation do not show '
        f'{", ".join(missing)}: mIoU is a mean over the other '
        f'{len(classes) - len(missing)} classes, and those predicted'
    ]


def read_mask(path: Path) -> np.ndarray:
    """Read class indices (H, W) of 1, 8, 16 or 32 bits.

    Raises:
        ValueError: If the file is a picture in colours, or compressed with
            a loss.
        OSError: If it cannot be read.
    """
    with Image.open(path) as image:
        if image.format in LOSSY:
            raise ValueError(
                f'is a {image.format} whatever its name: its compression '
                'changes indices, so masks must be exported as PNG'
            )
        if image.mode == '1':
            return np.array(image).astype(np.uint8)
        if image.mode in ('L', 'P') or image.mode.startswith('I'):
            return np.array(image)
        raise ValueError(
            f'is a picture of mode {image.mode}, not of class indices: '
            'turn its colours into indices'
        )


def write_mask(
    mask: np.ndarray,
    target: Path,
    max_side: int,
    palette: Sequence[Sequence[int]],
) -> None:
    """Write a mask (H, W), made smaller as its photo is."""
    image = Image.fromarray(mask.astype(np.uint8))
    size = fitting_size(image.size, max_side)
    image = image.resize(size, Image.Resampling.NEAREST)
    save_label(target, np.asarray(image), palette)


def _find_files(folder: Path) -> tuple[dict[str, Path], list[str], list[str]]:
    """Find the PNGs of a folder by stem; return notes and problems too."""
    files: dict[str, Path] = {}
    others: Counter = Counter()
    notes, problems, folders = [], [], []
    for path in sorted(folder.iterdir()):
        if not is_shown(path.name):
            continue
        if path.is_dir():
            folders.append(path.name)
            continue
        if path.suffix.lower() != '.png':
            others[path.suffix or 'no suffix'] += 1
            continue
        stem = image_stem(path.name)
        if stem in files:
            problems.append(
                f'{files[stem].name} and {path.name} in {folder} are masks '
                'of one name: remove one'
            )
        files[stem] = path
    if folders:
        notes.append(
            f'folders in {folder} are not searched for masks: '
            f'{summarise(folders)}'
        )
    if others:
        notes.append(
            f'files in {folder} that are no PNG, left out: '
            f'{list_kinds(others)}'
        )
    return files, notes, problems


def _check_size(mask: np.ndarray, info: ImageInfo) -> None:
    size = mask.shape[::-1]
    if size == (info.width, info.height):
        return
    turned = size == (info.height, info.width)
    raise ValueError(
        f'has {size[0]} x {size[1]} pixels, its photo '
        f'{info.width} x {info.height}'
        + (': is it turned by EXIF?' if turned else '')
    )


def _may_be_turned(photo: Path, info: ImageInfo) -> bool:
    """Return whether EXIF turns a photo and leaves its size as it is."""
    if 'turned by EXIF' not in info.reasons:
        return False
    with Image.open(photo) as image:
        return image.size == (info.width, info.height)
