"""Segmenting photos: masks, overlays, and a table of areas."""

from __future__ import annotations

import csv
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...io.atomic import atomic_write
from ...io.labels import read_label, save_label
from ...io.photos import read_photo, shrink
from ...jobs.image_loop import gather_errors, rank_share
from ...jobs.image_pipeline import Outcome
from ...jobs.progress import Progress
from ...visualization.overlay import label_overlay
from ..own_data.names import printable
from .segmentor import Segmentor

AREAS = 'areas.csv'
LONGEST = 65500  # pixels of a JPEG's side
COLUMNS = ('photo', 'mask', 'index', 'class', 'pixels', 'share')


def result_folders(out_dir: Path) -> tuple[Path, Path]:
    """Return the folders of the masks and of the overlays."""
    return out_dir / 'masks', out_dir / 'overlays'


def segment_photos(
    segmentor: Segmentor,
    photos: Mapping[str, Path],
    todo: Sequence[str],
    out_dir: Path,
) -> dict[str, str]:
    """Write masks and overlays of photos, distributed over the ranks.

    Both have the photo's size as it is seen. The mask is
    ``masks/<name>.png``, 8-bit with a palette, and holds class indices; the
    overlay is ``overlays/<name>.jpg``, shrunk where a JPEG cannot be as long.

    Args:
        segmentor: The segmentor.
        photos: Paths by name.
        todo: Names of the photos to do, the same on all ranks.
        out_dir: Where the folders are.

    Returns:
        dict[str, str]: The errors of all ranks by photo name.

    Raises:
        OSError: If a file cannot be written.
    """

    def outcomes() -> Iterator[Outcome]:
        share = rank_share(todo)
        progress, failed = Progress(len(share)), 0
        for name in share:
            error = _segment(segmentor, name, photos[name], out_dir)
            failed += error is not None
            progress.step(failed)
            yield Outcome(name, error)
        progress.end(failed)

    return gather_errors(outcomes())


def _segment(
    segmentor: Segmentor, name: str, path: Path, out_dir: Path
) -> str | None:
    """Segment a photo; return why it cannot be, or None."""
    try:
        photo = read_photo(path)
        label = segmentor.predict(photo)
        drawn = label_overlay(
            photo,
            label,
            segmentor.palette,
            background_index=segmentor.background,
        )
    except (OSError, ValueError) as error:
        text = str(error)
        return text if str(path) in text else f'{path}: {text}'
    except Exception:  # no error may stop the other photos
        return f'{path}: {traceback.format_exc()}'
    masks, overlays = result_folders(out_dir)
    overlay = shrink(Image.fromarray(drawn), LONGEST)
    try:
        with atomic_write(overlays / f'{name}.jpg') as part:
            overlay.save(part, quality=90)
        save_label(masks / f'{name}.png', label, segmentor.palette)
    except OSError as error:
        if error.errno is not None:  # as of a full disk
            raise
        return f'{path}: cannot write its mask and overlay: {error}'
    return None


def write_areas(
    out_dir: Path, photos: Mapping[str, str], classes: Sequence[str]
) -> None:
    """Write ``areas.csv``: how much of each photo is of each class.

    It has a row for each class of each photo that has a mask, with its
    number of pixels and their share of the photo. The byte order mark tells
    Excel that it is UTF-8.

    Args:
        out_dir: The folder of the results.
        photos: What to call each photo, by name.
        classes: Names of the classes.
    """
    masks, _ = result_folders(out_dir)
    with (
        atomic_write(out_dir / AREAS) as part,
        open(part, 'w', newline='', encoding='utf-8-sig') as file,
    ):
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for name, photo in photos.items():
            mask = masks / f'{name}.png'
            if not mask.is_file():
                continue
            called = printable(photo)  # bytes may be no UTF-8
            label = read_label(mask)
            counts = np.bincount(label.ravel(), minlength=len(classes))
            for index, title in enumerate(classes):
                pixels = int(counts[index])
                share = f'{pixels / label.size:.6f}'
                row = (called, mask.name, index, title, pixels, share)
                table.writerow(row)
