"""The photos and labels of a user, as they are found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .names import class_name, is_utf8, summarise


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


def finish(found: Collection, classes: Sequence[str]) -> Collection:
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
