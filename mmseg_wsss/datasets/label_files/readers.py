"""Readers of image-label files that name the classes: JSON, COCO, VOC.

Every reader returns ``(pairs, names)``: pairs of an image (id, file name or
path, as the file has it) and its tuple of class names, and the classes that
the file itself declares, in its order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

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


def read_coco(path: Path, content: Any = None) -> tuple[Pairs, tuple]:
    """Read a COCO instances file.

    Crowd annotations count; an image without an annotation has no label.

    Args:
        path: The file, for instance ``instances_train2014.json``.
        content: The file's content where it was parsed before.

    Returns:
        tuple: Pairs, and all category names in ascending order of category
        id (for COCO 1..90 with gaps become 80 classes).

    Raises:
        ValueError: If the file does not have the parts of an instances file.
    """
    content = parse_json(path) if content is None else content
    if not looks_like_coco(content):
        raise ValueError(
            f"{path} is no COCO instances file: it lacks the lists 'images', "
            "'annotations' and 'categories'"
        )
    try:
        names = category_names(content['categories'], path)
        found: dict[int, set[int]] = {
            image['id']: set() for image in content['images']
        }
        for annotation in content['annotations']:
            found[annotation['image_id']].add(annotation['category_id'])
        pairs = []
        for image in content['images']:
            ids = sorted(found[image['id']])
            pairs.append((image['file_name'], tuple(names[k] for k in ids)))
    except (KeyError, TypeError) as exc:
        raise ValueError(
            f'{path}: an image, annotation or category lacks a field or '
            f'points to an id that is not there: {exc}'
        ) from exc
    return pairs, tuple(names.values())


def category_names(
    categories: list[dict], source: str | Path
) -> dict[int, str]:
    """Map COCO category ids to names, in ascending order of id.

    Args:
        categories: The ``categories`` of an instances file.
        source: That file, for the error.

    Returns:
        dict: ``{category id: name}``; the position of an id is its class
        index 0..79, its mask value is one more.

    Raises:
        ValueError: If an id or a name occurs twice.
    """
    names = {c['id']: c['name'] for c in categories}
    if len(set(names.values())) != len(categories):
        raise ValueError(f'{source}: a category id or name occurs twice')
    return dict(sorted(names.items()))


def looks_like_coco(content: Any) -> bool:
    """Return whether parsed JSON looks like a COCO instances file."""
    parts = ('images', 'annotations', 'categories')
    if not isinstance(content, dict):
        return False
    lists = [content.get(part) for part in parts]
    return all(
        isinstance(x, list) and all(isinstance(i, dict) for i in x[:1])
        for x in lists
    )


def read_voc_xml(
    folder: Path, include_difficult: bool = True
) -> tuple[Pairs, tuple]:
    """Read a folder of PASCAL VOC annotations.

    Args:
        folder: The ``Annotations`` folder; one ``<stem>.xml`` per image.
        include_difficult: Count objects marked difficult, as the field's
            label files do.

    Returns:
        tuple: Pairs, and the sorted names of the classes met.

    Raises:
        ValueError: If the folder has no XML file or one cannot be read.
    """
    files = sorted(folder.glob('*.xml'))
    if not files:
        raise ValueError(
            f'{folder} has no *.xml file; a VOC data set has them in '
            "'Annotations'"
        )
    pairs = []
    for file in files:
        try:
            objects = ElementTree.parse(file).getroot().findall('object')
        except ElementTree.ParseError as exc:
            raise ValueError(f'{file} is not valid XML: {exc}') from exc
        kept = [
            (thing.findtext('name') or '').strip()
            for thing in objects
            if include_difficult
            or (thing.findtext('difficult') or '').strip() != '1'
        ]
        if not all(kept):
            raise ValueError(f'{file} has an object without a name')
        pairs.append((file.stem, unique_names(kept)))
    return pairs, names_met(pairs)


def parse_json(path: Path) -> Any:
    """Parse a JSON file; a key that occurs twice is an error."""
    try:
        with path.open(encoding='utf-8-sig') as file:
            return json.load(file, object_pairs_hook=_no_duplicates)
    except ValueError as exc:
        raise ValueError(f'{path} is not valid JSON: {exc}') from exc


def _no_duplicates(items: list[tuple[str, Any]]) -> dict:
    content = dict(items)
    if len(content) != len(items):
        keys = [key for key, _ in items]
        twice = next(key for key in content if keys.count(key) > 1)
        raise ValueError(f"the key '{twice}' occurs twice")
    return content


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Strip names, drop empty and repeated ones, keep the order."""
    return tuple(dict.fromkeys(n.strip() for n in names if n.strip()))


def names_met(pairs: Pairs) -> tuple[str, ...]:
    """List all class names of the pairs, sorted."""
    return tuple(sorted({name for _, names in pairs for name in names}))
