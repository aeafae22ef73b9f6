"""A CSV table of doubted image labels, which a person edits to correct them.

One row for each image and class, the most doubted first::

    photo,class,given,score,action
    a.jpg,cat,yes,0.0312,keep
    b.jpg,dog,no,0.9120,add

``given`` is the label, ``score`` the probability of the class by the other
photos. ``action`` is ``keep``, or ``remove`` or ``add``.
"""

from __future__ import annotations

import csv
import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...io.atomic import atomic_write
from ...io.stems import image_stem
from .class_names import class_name
from .csv_rows import read_rows
from .table import ImageLabels

COLUMNS = ('photo', 'class', 'given', 'score', 'action')
_NEEDED = ('photo', 'class', 'action')
_ACTIONS = ('keep', 'add', 'remove')
_GIVEN = {'yes': True, 'no': False, '': None}


@dataclass(frozen=True)
class LabelChange:
    """A row of the table.

    Attributes:
        photo: Name of the image or of its file.
        name: The class.
        given: Whether the image is labelled with it; None if it is not said.
        score: Probability of the class by the other images, None if it is
            not said.
        action: ``'keep'``, ``'add'`` or ``'remove'``.
        where: File and row, for errors.
    """

    photo: str
    name: str
    given: bool | None
    score: float | None
    action: str = 'keep'
    where: str = ''


def write_label_changes(
    path: str | os.PathLike, rows: Iterable[LabelChange]
) -> None:
    """Write a table, atomically, in UTF-8 with a byte order mark for Excel.

    Args:
        path: The file; missing folders are created.
        rows: Its rows; ``given`` and ``score`` are known.
    """
    with (
        atomic_write(path) as part,
        open(part, 'w', encoding='utf-8-sig', newline='') as file,
    ):
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(COLUMNS)
        for row in rows:
            given = 'yes' if row.given else 'no'
            score = f'{row.score:.4f}'
            writer.writerow([row.photo, row.name, given, score, row.action])


def read_label_changes(path: str | os.PathLike) -> list[LabelChange]:
    """Read a table, edited or not.

    Columns may be in another order; ``given``, ``score`` and further columns
    may be missing. An empty action is ``keep``.

    Args:
        path: The file, UTF-8.

    Returns:
        list[LabelChange]: The rows in their order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has another form; the error names the row.
    """
    path = Path(path)
    rows = read_rows(path)
    first = min(rows, default=0)
    header = [cell.lower() for cell in rows.pop(first, [])]
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise ValueError(
            f'{path} must begin with the row {",".join(COLUMNS)}, it lacks '
            f'{", ".join(missing)}'
        )
    for number, row in rows.items():
        if any(row[len(header) :]):
            raise ValueError(
                f'{path}, row {number}: {len(row)} cells where the header has '
                f'{len(header)}; a cell with a comma must stand in quotes'
            )
    return [
        _read_row(dict(zip(header, row, strict=False)), f'{path}, row {n}')
        for n, row in rows.items()
    ]


def apply_label_changes(
    labels: ImageLabels, changes: Sequence[LabelChange]
) -> dict[str, tuple[str, ...]]:
    """Return image labels with the changes made.

    Args:
        labels: Labels that name their classes.
        changes: The rows of a table; those to keep change nothing.

    Returns:
        dict[str, tuple[str, ...]]: Class names by image, of all images; none
        for an image whose only label is removed.

    Raises:
        ValueError: If the labels do not name their classes; if an image or a
            class is unknown, or a label that is to be added is there or one
            to be removed is not; the error names the row.
    """
    if labels.names is None:
        raise ValueError(
            f'{labels.source} does not name its classes: convert it with '
            'tools/dataset_converters/npy2json.py'
        )
    names = {image_stem(image): image for image in labels}
    changed = {image: list(labels[image]) for image in labels}
    changes = [row for row in changes if row.action != 'keep']
    for row in changes:
        image = names.get(image_stem(row.photo))
        if image is None:
            raise ValueError(
                f'{row.where}: {labels.source} has no photo {row.photo!r}'
            )
        _check_class(row, labels)
        present = row.name in changed[image]
        if present == (row.action == 'add'):
            raise ValueError(
                f'{row.where}: {row.photo!r} '
                + ('has' if present else 'does not have')
                + f' the class {row.name!r} in {labels.source}: write keep, '
                'or was the table applied before?'
            )
        if present:
            changed[image].remove(row.name)
        else:
            changed[image].append(row.name)
    return {image: tuple(found) for image, found in changed.items()}


def _read_row(cells: dict[str, str], where: str) -> LabelChange:
    action = cells.get('action', '').lower() or 'keep'
    given = cells.get('given', '').lower()
    score = cells.get('score', '')
    if action not in _ACTIONS:
        raise ValueError(
            f'{where}: the action is {action!r}, but must be one of '
            f'{", ".join(_ACTIONS)}'
        )
    if given not in _GIVEN:
        raise ValueError(f'{where}: given must be yes or no, got {given!r}')
    try:
        # Spreadsheets may write a decimal comma.
        number = float(score.replace(',', '.')) if score else None
    except ValueError as error:
        raise ValueError(
            f'{where}: the score must be a number, got {score!r}'
        ) from error
    for column in ('photo', 'class'):
        if not cells.get(column):
            raise ValueError(f'{where} has no {column}')
    name = class_name(cells['class'])
    return LabelChange(
        cells['photo'], name, _GIVEN[given], number, action, where
    )


def _check_class(row: LabelChange, labels: ImageLabels) -> None:
    if row.name not in labels.names:
        near = difflib.get_close_matches(row.name, labels.names, 1)
        raise ValueError(
            f'{row.where}: {labels.source} has no class {row.name!r}'
            + (f', do you mean {near[0]!r}?' if near else '')
            + f'; there are {", ".join(labels.names[:9])}'
            + (', ...' if len(labels.names) > 9 else '')
        )
