"""Which photos a label file means."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ...io.stems import image_stem


def match_photos(
    images: Sequence[str], files: Iterable[Path], root: Path
) -> dict[str, list[Path]]:
    """Return the files that each image of a label file may be.

    A name with a folder is a path below ``root``, or one that leads there:
    what the names have before it is found by trying. It may lack its suffix
    and be in another case. A name without a folder is the path of a file,
    or the name of any. Where no name fits with its folder, as in a table of
    photos that have been moved, all are taken without.

    Args:
        images: Names in the label file.
        files: Photos below ``root``.
        root: The folder of the photos.

    Returns:
        dict[str, list[Path]]: Files by image, without those that have none.
    """
    files = list(files)
    by_path = _Index({f: _clean(str(f.relative_to(root))) for f in files})
    by_name = _Index({f: _clean(f.name) for f in files})
    paths = {image: _clean(image) for image in images}
    start = _common_start(paths.values(), by_path)
    matches = {}
    for image, path in paths.items():
        below = path.removeprefix(f'{start}/') if start else path
        group = by_path.find(below)
        if not group and ('/' not in path or start is None):
            group = by_name.find(path.rpartition('/')[2])
        if group:
            matches[image] = group
    return matches


class _Index:
    """Files by their names, by those without suffix, and by any case."""

    def __init__(self, names: Mapping[Path, str]) -> None:
        self.tables: list[tuple[Callable[[str], str], dict]] = []
        for key in (str, _stem, _folded):
            table = defaultdict(list)
            for file, name in names.items():
                table[key(name)].append(file)
            self.tables.append((key, table))

    def find(self, name: str) -> list[Path]:
        """Return the files of the first table that has the name."""
        groups = (table.get(key(name)) for key, table in self.tables)
        return next(filter(None, groups), [])


def _common_start(paths: Iterable[str], by_path: _Index) -> str | None:
    """Return what most paths have before the folder of the photos, if any."""
    starts: Counter[str] = Counter()
    for path in paths:
        parts = path.split('/')
        starts.update(
            '/'.join(parts[:k])
            for k in range(len(parts) - 1)
            if by_path.find('/'.join(parts[k:]))
        )
    return max(starts, key=starts.get, default=None)


def _clean(name: str) -> str:
    name = unicodedata.normalize('NFC', name).strip().replace('\\', '/')
    return name.removeprefix('./')


def _stem(name: str) -> str:
    return f'{name.rpartition("/")[0]}/{image_stem(name)}'


def _folded(name: str) -> str:
    return _stem(name).casefold()
