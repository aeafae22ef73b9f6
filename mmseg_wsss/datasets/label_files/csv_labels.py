"""Reader of image labels in a CSV table."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from .readers import Pairs, names_met, unique_names

_IMAGE_FILE = re.compile(r'.+\.(jpe?g|png|bmp|gif|tiff?|webp)', re.IGNORECASE)


def read_csv(path: Path) -> tuple[Pairs, tuple]:
    """Read a comma separated table with a header row, image column first.

    Either the only other column is called ``labels``, or there is one column
    of 0 and 1 per class. Names in a cell of ``labels`` are separated by the
    first of ``;``, ``|`` and ``,`` that any of these cells has, for the whole
    file (a cell with commas stands in quotes, ``"cat,dog"``), and by blanks
    where there is none of them. Names with blanks need one; where no photo
    has two classes it ends a cell, ``hot dog;``.

    Args:
        path: The file, UTF-8.

    Returns:
        tuple: Pairs, and the class columns in order, or the sorted names met.

    Raises:
        ValueError: If the table has another form.
    """
    header, rows = _parse_csv(path)
    if len(header) == 2 and header[1].lower() == 'labels':
        cells = [row[1] for row in rows.values()]
        mark = next((m for m in ';|,' if any(m in c for c in cells)), None)
        pairs = [
            (row[0], unique_names(row[1].split(mark))) for row in rows.values()
        ]
        return pairs, names_met(pairs)
    names = tuple(header[1:])
    if len(set(names)) != len(names) or not all(names):
        raise ValueError(f'{path}: class columns must have distinct names')
    pairs = [
        (row[0], _one_hot_names(row[1:], names, f'{path}, row {number}'))
        for number, row in rows.items()
    ]
    return pairs, names


def _parse_csv(path: Path) -> tuple[list[str], dict[int, list[str]]]:
    """Return a table's header and its rows by row number."""
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            rows = {n: r for n, r in enumerate(csv.reader(file), 1) if r}
    except (csv.Error, UnicodeDecodeError) as exc:
        raise ValueError(f'{path} is not a UTF-8 CSV file: {exc}') from exc
    first = min(rows, default=0)
    header = [cell.strip() for cell in rows.pop(first, [])]
    if header and _IMAGE_FILE.fullmatch(header[0]):
        raise ValueError(
            f'{path} begins with the image {header[0]!r}: write a header row '
            'above it, "image,labels" for names of classes or '
            '"image,<class>,<class>,..." for a column of 0 and 1 per class'
        )
    if len(header) < 2 or not rows:
        raise ValueError(
            f'{path} must have a comma separated header row "image,labels" or '
            '"image,<class>,<class>,..." and at least one image'
        )
    for number, row in rows.items():
        if len(row) != len(header):
            raise ValueError(
                f'{path}, row {number}: {len(row)} cells where the header '
                f'has {len(header)}'
                + (
                    ' (separate several names in one cell by ;)'
                    if [name.lower() for name in header[1:]] == ['labels']
                    else ''
                )
            )
    return header, rows


def _one_hot_names(
    cells: list[str], names: tuple[str, ...], where: str
) -> tuple[str, ...]:
    values = [cell.strip() for cell in cells]
    for value, name in zip(values, names, strict=True):
        if value not in ('0', '1', '0.0', '1.0'):
            raise ValueError(
                f"{where}: column '{name}' must be 0 or 1, got '{value}' (a "
                "column with names must be the only one and called 'labels'; "
                'the first row must be the header)'
            )
    return tuple(
        name
        for value, name in zip(values, names, strict=True)
        if value in ('1', '1.0')
    )
