"""The folder that is written: photos in one place, under one suffix."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...io.atomic import atomic_write
from ...version import __version__
from .configs import FILES
from .photos import ImageInfo, open_upright

RECORD = 'from_folder.json'
OURS = (
    *('image_labels.json', 'train.txt', 'val.txt', 'report.txt'),
    *(f'{file}.py' for file in FILES),
)
FOLDERS = ('images', 'masks')
QUALITY = 95


def prepare_folder(
    folder: Path, overwrite: bool, source: Mapping[str, object]
) -> None:
    """Empty a folder for a data set, and say what it will hold.

    Only what an earlier run wrote is removed, and only from a folder that an
    earlier run made.

    Args:
        folder: The folder; made where it is missing.
        overwrite: Whether it may hold an earlier data set.
        source: What the data set is made from, as JSON values.

    Raises:
        ValueError: If it holds something else, or may not be overwritten.
    """
    check_folder(folder, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in OURS:
        (folder / name).unlink(missing_ok=True)
    with atomic_write(folder / RECORD) as part:
        record = {'version': __version__, **source}
        part.write_text(json.dumps(record, indent=1), encoding='utf-8')


def check_folder(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that may not be written to.

    Raises:
        ValueError: If it holds something else, or may not be overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f'{folder} is a file: --out takes a folder')
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise ValueError(
            f'{folder} is not empty: choose another --out, or --overwrite '
            'what an earlier run wrote there'
        )
    if not (folder / RECORD).is_file():
        raise ValueError(
            f'{folder} holds files that this tool did not write ({RECORD} is '
            'missing): --overwrite does not touch them; choose another --out'
        )


def place_photo(
    source: Path,
    target: Path,
    look: ImageInfo,
    max_side: int,
    copy: bool = False,
) -> str:
    """Put a photo where the data set looks for it.

    Args:
        source: The photo; never changed.
        target: ``<stem>.jpg``, whatever is inside.
        look: A look at it.
        max_side: Longest side of what is written, 0 for any.
        copy: Copy a plain photo in place of linking to it.

    Returns:
        str: What was done: 'linked', 'copied' or 'converted'.

    Raises:
        OSError: If it cannot be read or written.
    """
    if look.reasons:
        with atomic_write(target) as part:
            open_upright(source, max_side).save(
                part, format='JPEG', quality=QUALITY, subsampling=0
            )
        return 'converted'
    if not copy:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.symlink(source.resolve(), target)
            return 'linked'
        except (OSError, NotImplementedError):
            pass  # Windows asks for a right to link
    with atomic_write(target) as part:
        shutil.copyfile(source, part)
    return 'copied'
