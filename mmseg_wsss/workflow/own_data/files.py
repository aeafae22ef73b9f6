"""The folder that is written, and the photos in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ...io.atomic import atomic_write, dated_path, write_json
from ...io.photos import decode_photo, shrink
from ...version import __version__
from .configs import FILES
from .names import summarise
from .photos import ImageInfo

RECORD = 'from_folder.json'
UNFINISHED = '.unfinished'
OURS = (
    *('image_labels.json', 'train.txt', 'val.txt', 'report.txt'),
    *(f'{file}.py' for file in FILES),
)
FOLDERS = ('images', 'masks')
OLD = 'old'
QUALITY = 95


@contextmanager
def atomic_folder(
    folder: Path,
    overwrite: bool,
    source: Mapping[str, object],
    old: Path | None,
) -> Iterator[Path]:
    """Write a folder for a data set whole, or not at all.

    The block writes to a hidden folder in it. If the block ends without an
    error, what an earlier run wrote is moved to ``old``, and its content
    takes the place; other files stay. A folder left by a killed run is
    written again.

    Args:
        folder: The folder; made where it is missing.
        overwrite: Whether it may hold an earlier data set.
        source: What the data set is made from, as JSON values.
        old: What :func:`archive_path` returns.

    Yields:
        Path: Where to write.

    Raises:
        ValueError: If it holds something else, or may not be overwritten.
    """
    check_folder(folder, overwrite)
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    part = folder / UNFINISHED
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        write_json(part / RECORD, {'version': __version__, **source})
        yield part
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        for made in missing:
            with suppress(OSError):
                made.rmdir()
        raise
    if old is not None:
        _move_old(folder, old)
    for path in part.iterdir():
        os.replace(path, folder / path.name)
    part.rmdir()  # until then the same command may write it again


def archive_path(folder: Path) -> Path | None:
    """Return the folder that gets an earlier data set, None without any."""
    return dated_path(folder / OLD) if _earlier(folder) else None


def _earlier(folder: Path) -> list[Path]:
    """Return what an earlier run wrote, but for its record."""
    return [p for n in (*FOLDERS, *OURS) if os.path.lexists(p := folder / n)]


def _move_old(folder: Path, place: Path) -> None:
    """Move what an earlier run wrote: labels, configs and masks may be edited.

    A copy of the record is moved; the record stays, as it tells whose the
    folder is.
    """
    place.mkdir(parents=True)
    if (folder / RECORD).is_file():
        shutil.copyfile(folder / RECORD, place / RECORD)
    for path in _earlier(folder):
        path.rename(place / path.name)


def check_folder(folder: Path, overwrite: bool) -> None:
    """Check that a folder may be written to.

    Raises:
        ValueError: If it holds something else, or may not be overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f'{folder} is a file: --out takes a folder')
    names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    names -= {'.DS_Store', 'Thumbs.db', 'desktop.ini'}  # of file browsers
    if UNFINISHED in names and names <= {
        *(*OURS, *FOLDERS, OLD, RECORD, UNFINISHED)
    }:
        return
    if not names:
        return
    if not overwrite:
        raise ValueError(
            f'{folder} is not empty: choose another --out, or --overwrite '
            'what an earlier run wrote there'
        )
    if RECORD not in names:
        raise ValueError(
            f'{folder} holds files that this tool did not write ({RECORD} is '
            'missing): --overwrite does not touch them; choose another --out'
        )


def check_sources(folder: Path, photos: Iterable[Path]) -> None:
    """Check that no photo lies in the folder that is written.

    A link to it would be a link to itself, once it has been replaced.

    Raises:
        ValueError: If one does.
    """
    root = folder.resolve()
    inside = [p for p in photos if p.resolve().is_relative_to(root)]
    if inside:
        raise ValueError(
            f'{summarise(inside)} photos lie in --out {folder}, which would '
            'replace them: choose another --out'
        )


def place_photo(
    source: Path,
    target: Path,
    info: ImageInfo,
    max_side: int,
    copy: bool = False,
) -> str:
    """Link, copy or convert a photo.

    Args:
        source: The photo; never changed.
        target: ``<stem>.jpg``, whatever is inside.
        info: Information on it.
        max_side: Longest side of what is written, 0 for any.
        copy: Copy a plain photo in place of linking to it.

    Returns:
        str: What was done: 'linked', 'copied' or 'converted'.

    Raises:
        ValueError: If it cannot be read or written, with its path.
    """
    try:
        return _place(source, target, info, max_side, copy)
    except Exception as error:  # decoders raise errors of any kind
        raise ValueError(
            f'cannot link to or copy {source}: {error}'
        ) from error


def _place(
    source: Path, target: Path, info: ImageInfo, max_side: int, copy: bool
) -> str:
    if info.reasons:
        with atomic_write(target) as part:
            shrink(decode_photo(source.read_bytes()), max_side).save(
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
