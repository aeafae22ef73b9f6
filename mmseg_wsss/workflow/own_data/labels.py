"""Labels of a user's photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...structures.labels import MAX_CLASSES
from .advice import find_errors, label_matrix
from .class_folders import from_class_folders
from .collection import Collection
from .label_file import from_label_file
from .names import class_name
from .photos import ImageInfo


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
