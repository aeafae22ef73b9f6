"""Spellings of class names that look the same are the same class."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

# Zero-width space, word joiner and byte order mark: of no meaning in a name.
_INVISIBLE = dict.fromkeys((0x200B, 0x2060, 0xFEFF))


def class_name(name: str) -> str:
    """Return the identity of a class: the same for all spellings of its name.

    Blanks around the name and invisible characters are dropped, blanks
    within it become one, and letters with accents are composed (Unicode's
    NFC).

    Args:
        name: The name as a file has it.

    Returns:
        str: The name, empty if there is none.
    """
    visible = name.translate(_INVISIBLE)
    return unicodedata.normalize('NFC', ' '.join(visible.split()))


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the identities of names without empty and repeated ones."""
    return tuple(dict.fromkeys(n for n in map(class_name, names) if n))


@lru_cache(maxsize=16)
def class_indices(classes: tuple[str, ...]) -> dict[str, int]:
    """Return the index of each class by the identity of its name."""
    return {class_name(name): k for k, name in enumerate(classes)}


def names_met(pairs: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """Return all class names of pairs of an image and its names, sorted."""
    return tuple(sorted({name for _, names in pairs for name in names}))
