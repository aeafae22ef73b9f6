"""The chosen images through all stages, as data for the template."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ...structures.labels import BIASED_LABEL, IGNORE_LABEL
from .collect import Content, Group
from .images import UNREADABLE, Images
from .pictures import MAX_PICTURE, SIDE, data_uri, overlay


@dataclass
class Picture:
    """A photo or label map.

    Attributes:
        name: The stage, 'photo' or 'ground truth'.
        uri: The picture as data URI; '' if there is none.
        size: Its width and height in pixels.
        problem: Why there is none.
        miou: Mean IoU of this image in percent, None if not measured.
    """

    name: str
    uri: str = ''
    size: tuple[int, int] = (0, 0)
    problem: str = ''
    miou: float | None = None


@dataclass
class Strip:
    """An image through all stages.

    Attributes:
        stem: Name of the image.
        rank: 'worst', 'middle', 'best' or 'drawn'.
        classes: Names of its foreground classes by its image labels.
        pictures: Photo, label maps and mask.
        problem: Why its photo cannot be read.
    """

    stem: str
    rank: str
    classes: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    problem: str = ''


def build_strips(content: Content, room: int) -> Iterator[tuple]:
    """Build the strips of the chosen images.

    Args:
        content: What the report shows.
        room: Bytes of the page that the pictures may take together.

    Yields:
        tuple: A group of images, its strips, its foreground classes that may
        occur, and those of the labels 254 and 255 that do.
    """
    groups = [group for group in content.groups if group.shown]
    count = sum(len(g.shown) * (len(g.stages) + 2) for g in groups)
    # Base64 makes them a third larger.
    limit = min(MAX_PICTURE, room * 3 // 4 // max(count, 1))
    for group in groups:
        special: set[int] = set()
        strips = [
            _build_strip(group, stem, rank, limit, special)
            for stem, rank in group.shown
        ]
        present = set()
        for stem, _ in group.shown:
            present.update(_foreground(group.images, stem, unknown=True))
        yield group, strips, sorted(present), special


def _foreground(images: Images, stem: str, unknown: bool) -> list[int]:
    """Return the foreground classes of an image; all or none if unknown."""
    found = images.candidates(stem)
    if found is None:
        found = np.full(len(images.classes), unknown)
    return [k for k in np.flatnonzero(found) if k != images.background]


def _build_strip(
    group: Group, stem: str, rank: str, limit: int, special: set[int]
) -> Strip:
    """Build a strip; adds the labels 254 and 255 that occur to ``special``."""
    images, strip = group.images, Strip(stem, rank)
    try:
        photo = images.read_photo(stem, SIDE)
    except UNREADABLE as error:
        strip.problem = str(error)
        return strip
    present = _foreground(images, stem, unknown=False)
    strip.classes = [images.classes[k] for k in present]
    size = photo.shape[1::-1]
    strip.pictures.append(Picture('photo', data_uri(photo, limit), size))

    def add(name, read, *source, miou=None):
        try:
            label = read(*source)
        except UNREADABLE:
            picture = Picture(name, problem='cannot be read', miou=miou)
        else:
            special.update({BIASED_LABEL, IGNORE_LABEL} & {*np.unique(label)})
            laid = overlay(photo, label, images.palette, images.background)
            picture = Picture(name, data_uri(laid, limit), size, miou=miou)
        strip.pictures.append(picture)

    for stage in group.stages:
        path = stage.label_dir / f'{stem}.png'
        measured = group.measured.get(stage.name)
        miou = measured.miou.get(stem) if measured else None
        if path.is_file():
            add(stage.name, images.read_label, path, stage.predicts, miou=miou)
        else:
            strip.pictures.append(Picture(stage.name, problem='not there'))
    if images.has_mask(stem):
        add('ground truth', images.read_mask, stem)
    return strip
