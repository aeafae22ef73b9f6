"""Names of photos and classes that lists, labels and configs can hold."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from ...datasets.label_files import class_names
from ...io.stems import image_stem

SHOWN = 3
# Bytes of a file name without its suffix, its number included; file systems
# have 255 with it.
LONGEST = 250


def class_name(name: str) -> str:
    """Return the name of a class in the letters that label files have.

    As :func:`mmseg_wsss.datasets.label_files.class_names.class_name`; bytes
    that are no UTF-8 become ``_``.
    """
    return class_names.class_name(_utf8(name))


def unique_stem(stem: str, taken: set[str]) -> str:
    """Return a stem that a line of a list can hold, and that is free.

    Names that differ by case only are the same to macOS and Windows: ``taken``
    holds them folded, and gets this one.
    """
    stem = image_stem(' '.join(_utf8(stem).split())) or 'photo'
    name, number = _with_number(stem, ''), 2
    while name.casefold() in taken:
        name, number = _with_number(stem, f'_{number}'), number + 1
    taken.add(name.casefold())
    return name


def _with_number(stem: str, number: str) -> str:
    """Return a stem and a number, the stem cut where both are too long."""
    room = LONGEST - len(number)
    if len(os.fsencode(stem)) > room:
        start = os.fsencode(stem)[:room].decode('utf-8', 'ignore')
        stem = image_stem(start.rstrip())  # it may end with a suffix now
    return f'{stem}{number}'


def printable(text: str) -> str:
    """Return a text that can be printed: bytes that are no UTF-8 escaped."""
    return os.fsencode(text).decode('utf-8', 'backslashreplace')


def is_utf8(text: str) -> bool:
    """Return whether a text from the file system is UTF-8."""
    return _utf8(text) == text


def summarise(items: Sequence[object]) -> str:
    """Count items and name the first."""
    names = ', '.join(str(item) for item in items[:SHOWN])
    more = ', ...' if len(items) > SHOWN else ''
    return f'{len(items)} ({names}{more})'


def list_kinds(counts: Counter) -> str:
    """Return how many files of each kind there are, the most first."""
    return ', '.join(f'{n} {kind}' for kind, n in counts.most_common())


def _utf8(name: str) -> str:
    """Replace what Python has in the place of bytes that are no UTF-8."""
    return ''.join('_' if '\ud800' <= c <= '\udfff' else c for c in name)
