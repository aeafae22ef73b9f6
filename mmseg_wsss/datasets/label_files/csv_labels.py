"""Reader of image labels in a CSV table."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from ...io.stems import IMAGE_SUFFIXES, OTHER_SUFFIXES
from .class_names import class_name, names_met
from .csv_rows import read_rows
from .label_cells import EMPTY, split_cells
from .readers import Pairs

# Headers, in lower case.
_LABELS = ('labels', 'label', 'classes', 'class')
_IMAGES = ('image', 'photo', 'path', 'file', 'filename', 'file_name')
_ONE_OF_SEVERAL = re.compile(r'(label|class|tag)[ _]?\d+', re.IGNORECASE)
_YES = frozenset(('1', '1.0', 'true', 'yes', 'x'))
_NO = frozenset(('0', '0.0', 'false', 'no', '')) | EMPTY


def read_csv(path: Path) -> tuple[Pairs, tuple]:
    """Read a table with a header row.

    The images are in the column called ``image`` (also ``photo``, ``path``,
    ``file``, ``filename`` or ``file_name``), else in the first one.

    Either a column is called ``labels`` (also ``label``, ``classes`` or
    ``class`` where it has names), or there is one column of 0 and 1 per class,
    for which yes, no, true, false, x and empty cells may stand. Other columns
    are ignored with a warning beside a column of names; beside columns of 0
    and 1 only the row numbers that pandas writes are.

    Names in a cell of ``labels`` are separated by the first of ``;``, ``|``
    and ``,`` that any of these cells has, for the whole file (a cell with
    commas stands in quotes, ``"cat,dog"``), and by blanks where there is none
    of them. Names with blanks need one; where no photo has two classes it
    ends a cell, ``hot dog;``. A cell may also be a list, ``["cat", "dog"]``,
    or say that there is none: ``none``, ``n/a``, ``-``. An image in several
    rows has the classes of them all.

    Cells are separated by commas, or by ``;``, tabs or ``|`` where the header
    has more of these or Excel's line ``sep=;`` says so. Rows without content,
    empty columns at the right and repeated header rows are skipped.

    Args:
        path: The file, UTF-8.

    Returns:
        tuple: Pairs, and the class columns in order, or the sorted names met.

    Raises:
        ValueError: If the table has another form.
    """
    header, rows = _parse_csv(path)
    at, labels = _find_columns(header, rows, path)
    cells = {n: '' if labels is None else r[labels] for n, r in rows.items()}
    images = {number: row[at] for number, row in rows.items()}
    if labels is not None and not _is_class(header[labels], cells.values()):
        _warn_of_others(header, (at, labels), path)
        names = split_cells(cells, str(path))
        pairs = _unite(images, names)
        return pairs, names_met(pairs)
    used = [k for k in range(len(header)) if k != at]
    if at and _is_index(header[0], [row[0] for row in rows.values()]):
        used.remove(0)
        _warn_of_others(header, (at, *used), path)
    classes = _class_columns(header, used, path)
    names = {
        number: _one_hot_names(
            [row[k] for k in used], classes, f'{path}, row {number}'
        )
        for number, row in rows.items()
    }
    _check_repeated(images, names, path)
    return _unite(images, names), classes


def _unite(images: dict[int, str], names: dict[int, tuple[str, ...]]) -> Pairs:
    """Return each image once, with the names of all its rows."""
    united: dict[str, dict[str, None]] = {}
    for row, image in images.items():
        united.setdefault(image, {}).update(dict.fromkeys(names[row]))
    return [(image, tuple(found)) for image, found in united.items()]


def _check_repeated(
    images: dict[int, str], names: dict[int, tuple[str, ...]], path: Path
) -> None:
    """Check that two rows of 0 and 1 for one image do not contradict."""
    first: dict[str, int] = {}
    for row, image in images.items():
        before = first.setdefault(image, row)
        if names[row] != names[before]:
            raise ValueError(
                f'{path}, row {row}: {image!r} has other values than in row '
                f'{before}: write one row with all its classes'
            )


def _find_columns(
    header: list[str], rows: dict[int, list[str]], path: Path
) -> tuple[int, int | None]:
    """Return the columns of images and names, None without one of names."""
    lower = [cell.lower() for cell in header]
    named = (lower.index(name) for name in _IMAGES if name in lower)
    # A class may be called photo.
    images = (
        k
        for k in named
        if not _has_flags(c for r in rows.values() for c in r[k : k + 1])
    )
    at = next(images, 0)
    found = [k for k, name in enumerate(lower) if name in _LABELS and k != at]
    if 'labels' in lower and lower.index('labels') != at:
        found = [lower.index('labels')]
    if not found:
        return at, None
    if len(found) > 1:
        raise ValueError(
            f'{path}, row 1: columns {" and ".join(header[k] for k in found)} '
            "could all have the classes: call the right one 'labels'"
        )
    return at, found[0]


def _is_class(name: str, cells: Iterable[str]) -> bool:
    """Return whether a column ``label`` has 0 and 1, as a class has."""
    return name.lower() != 'labels' and _has_flags(cells)


def _has_flags(cells: Iterable[str]) -> bool:
    """Return whether cells are 0 and 1, or words for them."""
    cells = {cell.lower() for cell in cells}
    return cells <= _YES | _NO and bool(cells - EMPTY - {''})


def _is_index(name: str, cells: list[str]) -> bool:
    """Return whether a column is that of row numbers, as pandas writes it."""
    unnamed = not name or name.lower().startswith('unnamed: ')
    numbers = all(map(str.isdecimal, cells)) and len(set(cells)) == len(cells)
    return unnamed and numbers


def _warn_of_others(
    header: list[str], used: tuple[int, ...], path: Path
) -> None:
    others = [
        name or f'number {k}'
        for k, name in enumerate(header, 1)
        if k - 1 not in used
    ]
    if others:
        names = ' and '.join(header[k] or 'the first' for k in used)
        warnings.warn(
            f'{path.name}: of the columns {names} are read; '
            f'ignored: {", ".join(others)}',
            stacklevel=2,
        )


def _class_columns(
    header: list[str], used: list[int], path: Path
) -> tuple[str, ...]:
    """Return the names of the columns of 0 and 1."""
    classes = tuple(class_name(header[k]) for k in used)
    for k, name in enumerate(classes):
        named = any(map(str.isalnum, name))
        if not named or name in classes[:k]:
            what = f'repeats {name!r}' if named else 'has no name'
            raise ValueError(
                f'{path}, row 1: class columns must have distinct names, '
                f'column {used[k] + 1} {what}'
            )
    return classes


def _parse_csv(path: Path) -> tuple[list[str], dict[int, list[str]]]:
    """Return a table's header and its rows with content by row number."""
    rows = read_rows(path)
    first = min(rows, default=0)
    header = rows.pop(first, [])
    while header and not header[-1]:
        header.pop()
    suffix = Path(header[0]).suffix.lower() if header else ''
    if suffix in IMAGE_SUFFIXES | OTHER_SUFFIXES:
        raise ValueError(
            f'{path} begins with the image {header[0]!r}: write a header row '
            'above it, "image,labels" for names of classes or '
            '"image,<class>,<class>,..." for a column of 0 and 1 per class'
        )
    for number, row in list(rows.items()):
        while len(row) > len(header) and not row[-1]:
            row.pop()
        if row == header:
            del rows[number]
    if len(header) < 2 or not rows:
        raise ValueError(
            f'{path} must have a header row "image,labels" or '
            '"image,<class>,<class>,..." and at least one image'
        )
    images, labels = _find_columns(header, rows, path)
    for number, row in rows.items():
        if len(row) != len(header):
            raise ValueError(
                f'{path}, row {number}: {len(row)} cells where the header '
                f'has {len(header)}'
                + (
                    ' (several names in one cell stand in quotes, "cat;dog")'
                    if labels is not None
                    else ''
                )
            )
        if not row[images]:
            raise ValueError(
                f'{path}, row {number} has an image without a name: write it '
                f'into column {images + 1}, in every row'
            )
        if '\n' in row[images] or '\r' in row[images]:
            raise ValueError(
                f'{path}, row {number}: the image {row[images][:60]!r} has a '
                'line break: is a quote (") closed too late?'
            )
    return header, rows


def _one_hot_names(
    cells: list[str], names: tuple[str, ...], where: str
) -> tuple[str, ...]:
    for value, name in zip(cells, names, strict=True):
        if value.lower() not in _YES | _NO:
            several = _ONE_OF_SEVERAL.fullmatch(name)
            raise ValueError(
                f"{where}: column '{name}' must be 0 or 1, got '{value}' ("
                + (
                    'write the classes of a photo into one column called '
                    "'labels', as cat;dog, or a row for each)"
                    if several
                    else "a column with names must be called 'labels'; the "
                    'first row must be the header)'
                )
            )
    return tuple(
        name
        for value, name in zip(cells, names, strict=True)
        if value.lower() in _YES
    )
