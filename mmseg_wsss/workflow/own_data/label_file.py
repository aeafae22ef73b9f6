"""Labels of photos by a label file."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...datasets.label_files.load import read_label_pairs
from ...io.stems import image_stem
from .collection import Collection, finish
from .matching import match_photos
from .names import summarise, unique_stem
from .photos import ImageInfo


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
    return finish(found, classes)


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


def _note_copies(found: Collection, infos: Mapping[Path, ImageInfo]) -> None:
    """Add a note on equal files under several names."""
    same: dict[str, list[str]] = defaultdict(list)
    for stem, path in found.photos.items():
        same[infos[path].digest].append(stem)
    copies = [stems for stems in same.values() if len(stems) > 1]
    if copies:
        found.notes.append(
            f'{len(copies)} photos occur under several names, such as '
            f'{summarise(copies[0])}: one may be trained on and evaluated with'
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
