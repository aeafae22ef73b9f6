"""Reader of COCO instances files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...io.stems import image_stem
from .class_names import class_name
from .readers import Pairs, parse_json


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
        check_images(content['images'], path)
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


def check_images(images: list[dict], source: str | Path) -> None:
    """Check the ids and file names of COCO images.

    Args:
        images: The ``images`` of an instances file.
        source: That file, for the error.

    Raises:
        KeyError: If an image has no id or no file name.
        ValueError: If an id occurs twice, or a file name names no file.
    """
    seen: dict[int, str] = {}
    for image in images:
        name = image['file_name']
        if not isinstance(name, str) or not image_stem(name):
            raise ValueError(
                f'{source}: the image {image["id"]} has the file_name '
                f'{name!r}, it must be the name of its file'
            )
        if image['id'] in seen:
            raise ValueError(
                f'{source}: the images {seen[image["id"]]!r} and {name!r} '
                f'have the same id, {image["id"]!r}: annotations could be of '
                'either'
            )
        seen[image['id']] = name


def category_names(
    categories: list[dict], source: str | Path
) -> dict[int, str]:
    """Return the names of COCO category ids, in ascending order of id.

    Args:
        categories: The ``categories`` of an instances file.
        source: That file, for the error.

    Returns:
        dict: ``{category id: name}``; the position of an id is its class
        index 0..79, its mask value is one more.

    Raises:
        ValueError: If there is no category, one has no name, or an id or a
            name occurs twice.
    """
    if not categories:
        raise ValueError(
            f"{source} has an empty list 'categories': it must have the id "
            'and the name of every class'
        )
    for category in categories:
        name = category['name']
        if not isinstance(name, str) or not class_name(name):
            raise ValueError(
                f'{source}: the category {category["id"]} has the name '
                f'{name!r}, a name must be text'
            )
    names = {c['id']: class_name(c['name']) for c in categories}
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
