"""Reader of image labels in JSON.

Every reader of files that name the classes returns ``(pairs, names)``: pairs
of an image (id, file name or path, as the file has it) and its tuple of class
names, and the classes that the file itself declares, in its order.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .class_names import names_met, unique_names

Pairs = list[tuple[str, tuple[str, ...]]]


def read_json(path: Path, content: Any = None) -> tuple[Pairs, tuple]:
    """Read ours, ``{image: [class names]}``.

    Args:
        path: The file.
        content: The file's content where it was parsed before.

    Returns:
        tuple: Pairs, and the sorted names of the classes met.

    Raises:
        ValueError: If the file is not a dict of lists of names.
    """
    content = parse_json(path) if content is None else content
    if not isinstance(content, dict):
        raise ValueError(
            f'{path} must hold {{image: [class names]}}, got a '
            f'{type(content).__name__}'
        )
    for image, names in content.items():
        if not isinstance(names, list) or not all(
            isinstance(name, str) for name in names
        ):
            raise ValueError(
                f"{path}: the label of '{image}' must be a list of class "
                f'names, got {str(names)[:60]!r}'
            )
    pairs = [(image, unique_names(names)) for image, names in content.items()]
    return pairs, names_met(pairs)


def parse_json(path: Path) -> Any:
    """Parse a JSON file; a key that occurs twice is an error."""
    try:
        with path.open(encoding='utf-8-sig') as file:
            return json.load(file, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f'{path} is not valid JSON: {exc}') from exc


def _no_duplicates(items: list[tuple[str, Any]]) -> dict:
    content = dict(items)
    if len(content) != len(items):
        keys = [key for key, _ in items]
        twice = next(key for key in content if keys.count(key) > 1)
        raise ValueError(f"the key '{twice}' occurs twice")
    return content
