"""Photos and their image labels, from class folders or a label file."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...datasets.label_files.load import read_label_pairs
from ...io.stems import image_stem
from ...structures.labels import MAX_CLASSES
from .advice import find_errors, label_matrix
from .layout import layout_problem
from .matching import match_photos
from .names import class_name, is_utf8, summarise, unique_stem
from .photos import ImageInfo, is_shown


@dataclass
class Collection:
    """What was found.

    Attributes:
        photos: Files of the labelled, readable photos by name: a stem, see
            :func:`~mmseg_wsss.io.stems.image_stem`, no two of which
            differ by case only, as macOS and Windows could not keep them.
        labels: Their foreground class names, in composed letters (NFC); none
            of a photo that shows background alone.
        classes: Foreground classes that at least one of them has.
        notes: What the user should know.
        problems: What must be fixed first.
    """

    photos: dict[str, Path] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_labels(
    root: Path,
    infos: Mapping[Path, ImageInfo],
    label_file: Path | None = None,
    classes: Sequence[str] | None = None,
) -> Collection:
    """Read the labels of photos, from a file or from their folders.

    Args:
        root: The folder of the photos.
        infos: Information on each photo below it, unreadable ones too.
        label_file: The label file; None for one folder per class.
        classes: All classes in the order that is wanted. Defaults to None,
            that of the labels.

    Returns:
        Collection: What was found.

    Raises:
        FileNotFoundError, ValueError: If the label file cannot be read, or
            ``classes`` are not those of the labels.
    """
    found = (
        from_label_file(root, label_file, infos)
        if label_file
        else from_class_folders(root, infos)
    )
    if classes is not None:
        names = [class_name(name) for name in classes]
        names = [name for name in names if name.lower() != 'background']
        if len(set(names)) < len(names) or set(found.classes) - set(names):
            raise ValueError(
                f'--classes names {" ".join(map(repr, names))}: it must name '
                'every class once, separated by blanks; the labels have '
                f'{" ".join(map(repr, found.classes))}'
            )
        found.classes = tuple(names)
    labels = label_matrix(found.labels, found.classes)
    found.problems = found.problems or find_errors(found.classes, labels)
    if len(found.classes) >= MAX_CLASSES:
        found.problems.append(
            f'{len(found.classes)} classes do not fit 8-bit label files, '
            f'which hold {MAX_CLASSES - 1}'
        )
    return found


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
    return _finish(found, list(spelled))


def from_label_file(
    root: Path, path: Path, infos: Mapping[Path, ImageInfo]
) -> Collection:
    """Read the labels of photos from a label file.

    The file names photos by their paths below ``root``, with or without
    suffix, or by their stems, in upper or lower case. Files of equal content
    that a stem belongs to are one photo. Where photos of one stem are
    labelled by their paths, each is called ``<folder>_<name>``.

    Args:
        root: The folder of the photos, searched to the bottom.
        path: Any file that :func:`mmseg_wsss.load_image_labels` reads and
            that names its classes.
        infos: Information on each photo below it, unreadable ones too.

    Returns:
        Collection: What was found; its classes are in the file's order.

    Raises:
        FileNotFoundError, ValueError: If the label file cannot be read.
    """
    found = Collection()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        pairs, classes = read_label_pairs(path)
    found.notes += [
        str(warning.message)
        for warning in caught
        if warning.category is UserWarning
    ]
    if classes is None:
        raise ValueError(
            f'{path} does not name its classes: convert it with '
            'tools/dataset_converters/npy2json.py first'
        )
    matches = match_photos([image for image, _ in pairs], infos, root)
    unknown = [image for image, _ in pairs if image not in matches]
    if unknown and not matches:
        example = next(iter(infos)).relative_to(root)
        found.problems.append(
            f'no photo below {root} belongs to a label of {path}: photos are '
            f"named like '{example}', labels like '{unknown[0]}'. Is this the "
            'right label file, and are its images named by their files?'
        )
        return found
    if unknown:
        found.notes.append(
            f'{summarise(unknown)} labels of {path.name} have no '
            'photo: ignored'
        )
    readable = {
        image: [file for file in files if not infos[file].error]
        for image, files in matches.items()
    }
    twins = [
        image
        for image, files in readable.items()
        if len({infos[file].digest for file in files}) > 1
    ]
    if twins:
        shown = [file.relative_to(root) for file in readable[twins[0]]]
        found.problems.append(
            f'{summarise(twins)} labels of {path.name} belong to several '
            f'photos each, such as {summarise(shown)}: write their paths '
            f'below {root} into {path.name}, as here, or rename them'
        )
    _note_unlabelled(found, infos, readable, root, path)
    photos = [
        (image, names, readable[image][0])
        for image, names in pairs
        if readable.get(image) and image not in twins
    ]
    _check_repeated(photos, path)
    stems = Counter(image_stem(file.name) for *_, file in photos)
    taken: set[str] = set()
    for _, names, file in sorted(photos, key=lambda photo: photo[2]):
        name = image_stem(file.name)
        if stems[name] > 1:
            name = '_'.join((*file.relative_to(root).parts[:-1], name))
        name = unique_stem(name, taken)
        found.photos[name], found.labels[name] = file, names
    shared = [name for name, count in stems.items() if count > 1]
    if shared:
        found.notes.append(
            f'{summarise(shared)} file names belong to several labelled '
            'photos: called <folder>_<name> here'
        )
    _note_copies(found, infos)
    return _finish(found, classes)


def _note_unlabelled(
    found: Collection,
    infos: Mapping[Path, ImageInfo],
    readable: Mapping[str, Sequence[Path]],
    root: Path,
    path: Path,
) -> None:
    """Note the photos without a label that are no copies of labelled ones."""

    def identity(file: Path) -> tuple[str, str]:
        return image_stem(file.name), infos[file].digest

    used = {identity(file) for files in readable.values() for file in files}
    rest = [
        file.relative_to(root)
        for file, info in infos.items()
        if not info.error and identity(file) not in used
    ]
    if rest:
        found.notes.append(
            f'{summarise(rest)} photos have no label in {path.name}: left out'
        )


def _check_repeated(
    photos: Iterable[tuple[str, tuple[str, ...], Path]], path: Path
) -> None:
    """Check that no photo has the labels of two images."""
    origin: dict[Path, str] = {}
    for image, _, file in photos:
        if file in origin:
            raise ValueError(
                f"{path} labels the photo {file} twice, as '{origin[file]}' "
                f"and as '{image}': name it alike in both places, or delete "
                'one'
            )
        origin[file] = image


def _note_copies(found: Collection, infos: Mapping[Path, ImageInfo]) -> None:
    same: dict[str, list[str]] = defaultdict(list)
    for stem, path in found.photos.items():
        same[infos[path].digest].append(stem)
    copies = [stems for stems in same.values() if len(stems) > 1]
    if copies:
        found.notes.append(
            f'{len(copies)} photos occur under several names, such as '
            f'{summarise(copies[0])}: one may be trained on and evaluated with'
        )


def _finish(found: Collection, classes: Sequence[str]) -> Collection:
    """Drop the background's label, and classes that no photo has."""
    classes = list(dict.fromkeys(map(class_name, classes)))
    labels = {
        stem: tuple(dict.fromkeys(map(class_name, names)))
        for stem, names in found.labels.items()
    }
    labelled = {
        stem: tuple(n for n in names if n.lower() != 'background')
        for stem, names in labels.items()
    }
    if any(names and names != labels[s] for s, names in labelled.items()):
        found.notes.append(
            'the label background is ignored: every photo has background'
        )
    empty = [stem for stem, names in labelled.items() if not names]
    if empty:
        found.notes.append(
            f'{summarise(empty)} photos have no class: kept as photos of '
            'background alone; take out those that are not labelled yet'
        )
    odd = [p.name for p in found.photos.values() if not is_utf8(p.name)]
    if odd:
        found.notes.append(
            f'{summarise(odd)} file names are not UTF-8: _ stands for what '
            'cannot be read'
        )
    found.labels = labelled
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
