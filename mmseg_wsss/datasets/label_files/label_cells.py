"""The class names in the cells of a table's column ``labels``."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from .class_names import unique_names

_MARKS = ';|,'
_BRACKETS = ('[]', '{}', '()')
# What programs and people write into an empty cell.
EMPTY = frozenset(('none', 'nan', 'null', 'n/a', '#n/a', '-'))
_WORDS = ('and', 'or')
# numpy prints ['cat' 'dog'], which Python would join to 'catdog'.
_NO_COMMA = re.compile(r'[\'"]\s+[\'"]')


def split_cells(
    cells: dict[int, str], source: str
) -> dict[int, tuple[str, ...]]:
    """Split cells into class names.

    A cell may be a list as Python or JSON write it, ``["cat", "dog"]``.
    Names in the others are separated by the first of ``;``, ``|`` and ``,``
    that any of them has, and by blanks where there is none of these; a name
    that one of the lists has is not separated. ``none``,
    ``nan``, ``null``, ``n/a`` and ``-`` are no class.

    Args:
        cells: Cells by row number.
        source: The file, for errors.

    Returns:
        dict: Names without repetition, by row number.

    Raises:
        ValueError: If a list cannot be read, a cell without the file's
            separator has another one between names of classes, or a name is
            none: it has no letter or digit, or is an ``and`` between blanks.
    """
    names, plain = {}, {}
    for row, cell in cells.items():
        found = _read_list(cell.strip(), f'{source}, row {row}')
        if found is None:
            plain[row] = cell
        else:
            names[row] = found
    text = ''.join(plain.values())
    mark = next((m for m in _MARKS if m in text), None)
    listed = {name for found in names.values() for name in found}
    for row, cell in plain.items():
        _check_line_breaks(cell, mark, f'{source}, row {row}')
        whole = ' '.join(cell.split())
        names[row] = unique_names(
            [whole] if whole in listed else cell.split(mark)
        )
    if mark:
        _check_other_marks(plain, mark, names, source)
    for row, found in names.items():
        names[row] = tuple(n for n in found if n.casefold() not in EMPTY)
        words = _WORDS if row in plain and not mark else ()
        _check_names(cells[row], names[row], words, f'{source}, row {row}')
    return {row: names[row] for row in cells}


def _check_line_breaks(cell: str, mark: str | None, where: str) -> None:
    """Check that a cell does not hold the row below it."""
    # Between names, where a table in Excel may have one, it is no error.
    parts = cell.split(mark) if mark else [cell] if '\t' in cell else []
    if any(set(part.strip()) & {'\n', '\r'} for part in parts):
        raise ValueError(
            f'{where}: {cell[:60]!r} has a line break inside a name: is a '
            'quote (") closed too late?'
        )


def _check_names(
    cell: str, names: tuple[str, ...], words: tuple[str, ...], where: str
) -> None:
    """Check that names have a letter or digit, and are not among words."""
    wrong = [
        name
        for name in names
        if name.lower() in words or not any(map(str.isalnum, name))
    ]
    if wrong:
        right = ';'.join(name for name in names if name not in wrong)
        raise ValueError(
            f'{where}: {cell.strip()!r} would give the class {wrong[0]!r}: '
            f'separate classes by ;, as in {right or "cat;dog"}, and end a '
            'single class of several words by it'
        )


def _read_list(cell: str, where: str) -> tuple[str, ...] | None:
    """Return the names in a cell that is a list, None if it is none."""
    if cell[:1] + cell[-1:] not in _BRACKETS:
        return None
    value = _literal(cell)
    if cell[0] == '(' and value is None:  # a name may stand in parentheses
        return None
    if (
        not isinstance(value, (list, tuple, set))
        or not all(isinstance(name, str) for name in value)
        or _NO_COMMA.search(cell)
    ):
        raise ValueError(
            f'{where}: {cell[:60]!r} is no list of class names such as '
            '["cat", "dog"]: write them as cat;dog'
        )
    return unique_names(sorted(value) if isinstance(value, set) else value)


def _literal(cell: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _check_other_marks(
    cells: dict[int, str],
    mark: str,
    names: dict[int, tuple[str, ...]],
    source: str,
) -> None:
    """Check that no name is made of names, with another separator.

    ``'tench, Tinca tinca'`` may be one class of a file that separates by
    ``;``; ``'cat,dog'`` beside ``'cat'`` is two.
    """
    known = {name for found in names.values() for name in found}
    for row, cell in cells.items():
        for other in _MARKS[_MARKS.index(mark) + 1 :]:
            parts = unique_names(cell.split(other))
            if mark in cell or other not in cell or known.isdisjoint(parts):
                continue
            raise ValueError(
                f'{source}, row {row}: {cell.strip()!r} has {other!r} where '
                f'other rows separate names by {mark!r}: write '
                f'{mark.join(parts)}, or {cell.strip()}{mark} if it is one '
                'class'
            )
