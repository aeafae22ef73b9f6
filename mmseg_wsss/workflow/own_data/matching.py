"""Which photos a label file means."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...io.stems import image_stem


def match_photos(
    images: Sequence[str], files: Iterable[Path], root: Path
) -> dict[str, list[Path]]:
    """Return the files that each image of a label file may be.

    In this order: the path, with or without suffix and what leads to
    ``root``; the name; the stem; the stem in any case. Files that paths
    belong to are no photos of other folders.

    Args:
        images: Names in the label file.
        files: Photos below ``root``.
        root: The folder of the photos.

    Returns:
        dict[str, list[Path]]: Files by image, without those that have none.
    """
    full = root.resolve()
    starts = full.as_posix(), root.as_posix(), full.name

    def path(name: str) -> str:
        name = unicodedata.normalize('NFC', name).strip().replace('\\', '/')
        return name.removeprefix('./')

    def below_root(name: str) -> str:
        name = path(name)
        for start in starts:
            name = name.removeprefix(f'{start}/')
        return f'{name.rpartition("/")[0]}/{image_stem(name)}'

    def file_name(name: str) -> str:
        return path(name).rpartition('/')[2]

    def folded(name: str) -> str:
        return image_stem(name).casefold()

    names = {file: file.relative_to(root).as_posix() for file in files}
    matches: dict[str, list[Path]] = {}
    taken: set[Path] = set()
    for keys in ((path, below_root), (file_name, image_stem, folded)):
        for key in keys:
            found = defaultdict(list)
            for file, name in names.items():
                found[key(name)].append(file)
            for image in images:
                group = found.get(key(image), ())
                gone = '/' in path(image) and taken.issuperset(group)
                if group and image not in matches and not gone:
                    matches[image] = group
        taken.update(*matches.values())
    return matches
