"""Photos and their image labels, from class folders or a label file."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...datasets.label_files.load import load_image_labels
from ...io.stems import image_stem
from .photos import ImageInfo, is_shown

SHOWN = 3
_SPLITS = {'train', 'training', 'val', 'valid', 'validation', 'test'}


@dataclass
class Collection:
    """What was found.

    Attributes:
        photos: Files of the labelled, readable photos by name: a stem, see
            :func:`~mmseg_wsss.io.stems.image_stem`, no two of which
            differ by case only, as macOS and Windows could not keep them.
        labels: Their foreground class names, in composed letters (NFC).
        classes: Foreground classes that at least one of them has.
        notes: What the user should know.
        problems: What must be mended first.
    """

    photos: dict[str, Path] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def summarise(items: Sequence[object]) -> str:
    """Count items and name the first."""
    names = ', '.join(str(item) for item in items[:SHOWN])
    more = ', ...' if len(items) > SHOWN else ''
    return f'{len(items)} ({names}{more})'


def from_class_folders(
    root: Path, looks: Mapping[Path, ImageInfo]
) -> Collection:
    """Label photos by the folder that they lie in, one folder per class.

    Files of equal content are one photo, whatever their names: lying in the
    folders of several classes it has all their labels. Files of one name, in
    upper or lower case, and different content are different photos; each is
    then called ``<class>_<name>``. Folders below a class's belong to it.

    Args:
        root: The folder of the class folders.
        looks: A look at each photo below it, unreadable ones too.

    Returns:
        Collection: What was found; its classes are sorted by name.
    """
    found = Collection()
    folders = sorted(p.name for p in root.iterdir() if p.is_dir())
    folders = [name for name in folders if is_shown(name)]
    loose = [p.name for p in looks if p.parent == root]
    if not folders:
        found.problems.append(
            f'{root} has no sub-folder: put the photos of each class into a '
            'folder of its name, or give --labels'
        )
        return found
    if {f.lower() for f in folders} <= _SPLITS:
        found.problems.append(
            f'the folders {", ".join(folders)} of {root} are no classes: '
            'give one of them, with one folder per class in it'
        )
        return found
    if loose:
        found.notes.append(
            f'{summarise(loose)} photos lie beside the class folders: no '
            'label, left out'
        )
    same: dict[str, list[Path]] = defaultdict(list)
    for path, look in looks.items():
        if path.parent != root and not look.error:
            same[look.digest].append(path)
    by_name: dict[str, list[list[Path]]] = defaultdict(list)
    for paths in same.values():
        by_name[image_stem(paths[0].name).casefold()].append(paths)
    clashes = [name for name, photos in by_name.items() if len(photos) > 1]
    shared, taken = [], set()
    for photos in by_name.values():
        for paths in photos:
            names = [path.relative_to(root).parts[0] for path in paths]
            names = tuple(dict.fromkeys(names))
            stem = image_stem(paths[0].name)
            if len(photos) > 1:
                stem = f'{names[0]}_{stem}'
            stem = _free_name(stem, taken)
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
    return _finish(found, folders)


def from_label_file(
    root: Path, path: Path, looks: Mapping[Path, ImageInfo]
) -> Collection:
    """Label photos by a label file; they are told apart by their stems.

    Files of one stem and equal content are one photo.

    Args:
        root: The folder of the photos, searched to the bottom.
        path: Any file that :func:`mmseg_wsss.load_image_labels` reads and
            that names its classes.
        looks: A look at each photo below it, unreadable ones too.

    Returns:
        Collection: What was found; its classes are in the file's order.

    Raises:
        FileNotFoundError, ValueError: If the label file cannot be read.
    """
    labels = load_image_labels(path)
    if labels.names is None:
        raise ValueError(
            f'{path} does not name its classes: convert it with '
            'tools/dataset_converters/npy2json.py first'
        )
    found = Collection()
    files: dict[str, list[Path]] = defaultdict(list)
    for file in looks:
        files[image_stem(file.name)].append(file)
    twins = [
        stem
        for stem, paths in files.items()
        if len({looks[path].digest for path in paths}) > 1
    ]
    if twins:
        found.problems.append(
            f'{summarise(twins)} names belong to several photos each, such as '
            f'{summarise(files[twins[0]])}: a label file cannot tell them '
            'apart; rename them'
        )
    unknown = [name for name in labels if image_stem(name) not in files]
    if unknown and len(unknown) == len(labels):
        found.problems.append(
            f'no photo below {root} belongs to a label of {path}: photos are '
            f"named like '{next(iter(files))}', labels like '{unknown[0]}'. "
            'Is this the right label file, and are its images named by their '
            'files?'
        )
        return found
    if unknown:
        found.notes.append(
            f'{summarise(unknown)} labels of {path.name} have no '
            'photo: ignored'
        )
    rest = [stem for stem in files if stem not in labels]
    if rest:
        found.notes.append(
            f'{summarise(rest)} photos have no label in {path.name}: left out'
        )
    taken: set[str] = set()
    for stem, paths in files.items():
        if stem in labels and not looks[paths[0]].error:
            name = _free_name(stem, taken)
            found.photos[name], found.labels[name] = paths[0], labels[stem]
    _note_copies(found, looks)
    return _finish(found, labels.names)


def _free_name(stem: str, taken: set[str]) -> str:
    """Make a stem that a line of a list can hold, and that is free.

    Names that differ by case only are the same to macOS and Windows: ``taken``
    holds them folded, and gets this one.
    """
    stem = image_stem(' '.join(stem.split()))
    name, number = stem, 2
    while name.casefold() in taken:
        name, number = f'{stem}_{number}', number + 1
    taken.add(name.casefold())
    return name


def _note_copies(found: Collection, looks: Mapping[Path, ImageInfo]) -> None:
    same: dict[str, list[str]] = defaultdict(list)
    for stem, path in found.photos.items():
        same[looks[path].digest].append(stem)
    copies = [stems for stems in same.values() if len(stems) > 1]
    if copies:
        found.notes.append(
            f'{len(copies)} photos occur under several names, such as '
            f'{summarise(copies[0])}: one may be trained on and evaluated with'
        )


def _finish(found: Collection, classes: Sequence[str]) -> Collection:
    """Drop the background's label, and photos and classes without any."""
    classes = list(dict.fromkeys(map(_composed, classes)))
    labels = {
        stem: tuple(dict.fromkeys(map(_composed, names)))
        for stem, names in found.labels.items()
    }
    labelled = {
        stem: tuple(n for n in names if n.lower() != 'background')
        for stem, names in labels.items()
    }
    if labelled != labels:
        found.notes.append(
            'the label background is ignored: every photo has background'
        )
    empty = [stem for stem, names in labelled.items() if not names]
    if empty:
        found.notes.append(
            f'{summarise(empty)} photos show no class: left out'
        )
    found.labels = {s: names for s, names in labelled.items() if names}
    found.photos = {s: found.photos[s] for s in found.labels}
    met = {name for names in found.labels.values() for name in names}
    found.classes = tuple(name for name in classes if name in met)
    unused = [
        name
        for name in classes
        if name not in met and name.lower() != 'background'
    ]
    if unused:
        found.notes.append(
            f'no photo has the class {", ".join(unused)}: left out'
        )
    spelled: dict[str, list[str]] = defaultdict(list)
    for name in found.classes:
        spelled[name.casefold()].append(name)
    for names in spelled.values():
        if len(names) > 1:
            found.notes.append(
                f'{" and ".join(names)} are taken as different classes: is '
                'one misspelled?'
            )
    return found


def _composed(name: str) -> str:
    """Write letters with accents as keyboards do, not as macOS's folders."""
    return unicodedata.normalize('NFC', name)
