"""Labels of photos by the folders that hold them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from ...io.stems import image_stem
from .collection import Collection, finish
from .layout import layout_problem
from .names import class_name, summarise, unique_stem
from .photos import ImageInfo, is_shown


def from_class_folders(
    root: Path, infos: Mapping[Path, ImageInfo]
) -> Collection:
    """Read the labels of photos from the folders that hold them.

    There is one folder per class.

    Files of equal content are one photo, whatever their names: lying in the
    folders of several classes it has all their labels. Files of one name, in
    upper or lower case, and different content are different photos; each is
    then called ``<class>_<name>``. Folders below a class's belong to it.

    Args:
        root: The folder of the class folders.
        infos: Information on each photo below it, unreadable ones too.

    Returns:
        Collection: What was found; its classes are sorted by name.
    """
    found = Collection()
    folders = sorted(p.name for p in root.iterdir() if p.is_dir())
    folders = [name for name in folders if is_shown(name)]
    loose = [p.name for p in infos if p.parent == root]
    if not folders:
        found.problems.append(
            f'{root} has no sub-folder: put the photos of each class into a '
            'folder of its name, or give --labels'
        )
        return found
    problem = layout_problem(root, infos)
    if problem:
        found.problems.append(problem)
        return found
    spelled: dict[str, list[str]] = defaultdict(list)
    for name in folders:
        spelled[class_name(name)].append(name)
    blank = spelled.pop('', [])
    if any(path.relative_to(root).parts[0] in blank for path in infos):
        found.problems.append(
            f'a folder of {root} has a blank name, {blank[0]!r}: give it the '
            'name of its class'
        )
        return found
    for name, spellings in spelled.items():
        if len(spellings) > 1:
            found.notes.append(
                f'the folders {" and ".join(map(repr, spellings))} are one '
                f'class, {name}'
            )
    if loose:
        found.notes.append(
            f'{summarise(loose)} photos lie beside the class folders: no '
            'label, left out'
        )
    same: dict[str, list[Path]] = defaultdict(list)
    for path, info in infos.items():
        if path.parent != root and not info.error:
            same[info.digest].append(path)
    by_name: dict[str, list[list[Path]]] = defaultdict(list)
    for paths in same.values():
        by_name[image_stem(paths[0].name).casefold()].append(paths)
    clashes = [name for name, photos in by_name.items() if len(photos) > 1]
    shared, taken = [], set()
    for photos in by_name.values():
        for paths in photos:
            folders_of = [path.relative_to(root).parts[0] for path in paths]
            names = tuple(dict.fromkeys(map(class_name, folders_of)))
            stem = image_stem(paths[0].name)
            if len(photos) > 1:
                stem = f'{names[0]}_{stem}'
            stem = unique_stem(stem, taken)
            found.photos[stem] = paths[0]
            found.labels[stem] = names
            if len(names) > 1:
                shared.append(stem)
    if shared:
        found.notes.append(
            f'{summarise(shared)} photos lie in several class folders, with '
            'equal content: they have several labels'
        )
    copies = sum(len(paths) for paths in same.values()) - len(same)
    copies -= sum(len(found.labels[stem]) - 1 for stem in shared)
    if copies:
        found.notes.append(
            f'{copies} files repeat a photo of their own class folder: each '
            'photo counts once'
        )
    if clashes:
        found.notes.append(
            f'{summarise(clashes)} file names belong to several photos of '
            'different content: called <folder>_<name> here'
        )
    return finish(found, list(spelled))
