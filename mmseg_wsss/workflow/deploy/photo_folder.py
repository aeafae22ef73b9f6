"""A folder of photos to segment, and the names of what is written."""

from __future__ import annotations

from pathlib import Path

from ...io.atomic import read_json
from ..own_data.names import list_kinds, unique_stem
from ..own_data.photos import find_files

FILE = 'photos.json'
REMOVE = 'Remove it: all photos are segmented again then'


def find_photos(root: Path, out_dir: Path) -> tuple[dict[str, Path], str]:
    """Find the photos below a folder, and name their results.

    The results of ``beach/1.jpg`` are called ``beach_1``; a number is added
    where that is taken, as by ``beach/1.png``.

    Args:
        root: The folder; folders in it are searched too.
        out_dir: Where results are written.

    Returns:
        tuple: Paths by the name of their results, and what else there is, as
        '2 .heic, 1 .txt'.

    Raises:
        ValueError: If there is no photo, or ``out_dir`` lies in the folder.
    """
    if not root.is_dir():
        raise ValueError(f'there is no folder {root}')
    if out_dir.resolve().is_relative_to(root.resolve()):
        raise ValueError(
            f'{out_dir} lies in {root}: the results would be taken for '
            'photos. Write them to another folder'
        )
    paths, others = find_files(root)
    kinds = list_kinds(others)
    if not paths:
        raise ValueError(
            f'there is no photo in {root}'
            + (f'; there are {kinds}: convert them to JPEG' if kinds else '')
        )
    names, taken = [], set()
    for path in paths:
        parts = path.relative_to(root).with_suffix('').parts
        names.append(unique_stem('_'.join(parts), taken))
    return dict(zip(names, paths, strict=True)), kinds


def describe_photos(photos: dict[str, Path], root: Path) -> dict[str, dict]:
    """Return each photo's path below the root, size and date, by name."""
    found = {}
    for name, path in photos.items():
        found[name] = {'path': path.relative_to(root).as_posix()}
        if path.is_file():
            stat = path.stat()
            found[name] |= dict(size=stat.st_size, modified=stat.st_mtime_ns)
    return found


def changed_photos(out_dir: Path, photos: dict[str, dict]) -> list[str]:
    """Return the names whose photo has changed or is gone.

    Args:
        out_dir: The folder; ``photos.json`` in it has an earlier run's.
        photos: What :func:`describe_photos` returns now.

    Raises:
        ValueError: If ``photos.json`` is damaged.
    """
    known = out_dir / FILE
    try:
        before = read_json(known) if known.is_file() else {}
    except ValueError as error:
        raise ValueError(f'{error}. {REMOVE}') from error
    names = {**before, **photos}
    return [name for name in names if before.get(name) != photos.get(name)]
