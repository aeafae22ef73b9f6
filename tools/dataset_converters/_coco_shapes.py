"""The shapes of COCO annotations, in the forms that programs write.

A shape is a list of parts: polygons as flat lists of coordinates, and masks
as bool arrays (height, width).
"""

import math


class ShapelessError(ValueError):
    """An annotation has nothing to paint; its text is the reason."""


def read_shape(segmentation, height, width):
    """Return the parts of a segmentation that can be painted.

    It is a list of polygons, one polygon, a run-length mask, or a list of
    polygons and run-length masks. A polygon is a flat list of coordinates, or
    a list of points ``[x, y]`` or ``{'x': x, 'y': y}``.

    Args:
        segmentation: The ``segmentation`` of an annotation.
        height: The image's height.
        width: The image's width.

    Returns:
        tuple: The parts, and the number of those left out because they have
        fewer than three points.

    Raises:
        ShapelessError: If there is no part, or none lies in the image.
        ValueError: If the segmentation has another form.
    """
    if segmentation is None or segmentation == []:
        raise ShapelessError('without segmentation')
    if isinstance(segmentation, dict):
        segmentation = [segmentation]
    if not isinstance(segmentation, list):
        raise ValueError(
            f'segmentation is {str(segmentation)[:40]!r}, it must be a list '
            'of polygons or a run-length mask'
        )
    if (
        _is_number(segmentation[0])
        or _is_points(segmentation)
        or _has_named_points(segmentation)
    ):
        segmentation = [segmentation]
    shapes = [_read_part(part, height, width) for part in segmentation]
    parts = [part for part in shapes if len(part) >= 6 or _is_mask(part)]
    if not parts:
        raise ShapelessError('of fewer than three points')
    if not any(_touches(part, height, width) for part in parts):
        raise ShapelessError('without a pixel in the image')
    return parts, len(shapes) - len(parts)


def shape_area(parts):
    """Return the area of a shape's parts in pixels."""
    return sum(
        float(part.sum()) if _is_mask(part) else _polygon_area(part)
        for part in parts
    )


def are_relative(segmentations):
    """Return whether there are polygons, and all lie between 0 and 1."""
    first = next(_coordinates(segmentations), None)
    return first is not None and all(
        0 <= value <= 1 for value in _coordinates(segmentations)
    )


def _coordinates(shape):
    """Return an iterator over the coordinates of polygons, in any form."""
    if _is_number(shape):
        yield shape
    elif isinstance(shape, dict) and shape.keys() == {'x', 'y'}:
        yield from _coordinates(list(shape.values()))
    elif isinstance(shape, list):
        for part in shape:
            yield from _coordinates(part)


def decode_rle(segmentation, height, width):
    """Decode a COCO run-length mask to a bool array (height, width)."""
    import numpy as np

    if 'size' not in segmentation or 'counts' not in segmentation:
        raise ValueError(
            f'a dict with {", ".join(segmentation) or "nothing"} is no '
            "run-length mask, which has 'size' and 'counts'"
        )
    size, counts = list(segmentation['size']), segmentation['counts']
    if size != [height, width]:
        raise ValueError(
            f'run-length mask of size (height, width) {size}, the image has '
            f'{[height, width]}'
        )
    if isinstance(counts, str):
        counts = _expand(counts)
    if not isinstance(counts, list) or not all(map(_is_number, counts)):
        raise ValueError(f'run lengths {str(counts)[:40]!r}')
    if not counts or sum(counts) != height * width or min(counts) < 0:
        raise ValueError('run lengths that do not add up to the image')
    runs = np.arange(len(counts)) % 2 == 1
    return np.repeat(runs, counts).reshape(width, height).T


def _expand(text):
    """Return the run lengths in the compressed form of pycocotools.

    A number is in groups of 5 bits, lowest first, its highest bit the sign. A
    character is 48 plus a group, plus 32 if another follows. From the fourth
    number on, the number two places before is to be added.
    """
    counts, value, bits = [], 0, 0
    for character in text:
        more, group = divmod(ord(character) - 48, 32)
        if more not in (0, 1):
            raise ValueError(f'run lengths with the character {character!r}')
        value += group << bits
        bits += 5
        if not more:
            value -= (group >= 16) << bits
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = bits = 0
    return counts


def _read_part(part, height, width):
    if isinstance(part, dict):
        return decode_rle(part, height, width)
    if not isinstance(part, list):
        raise ValueError(
            f'part {str(part)[:40]!r} of a segmentation is neither a polygon '
            'nor a run-length mask'
        )
    if _has_named_points(part):
        part = [point[axis] for point in part for axis in 'xy']
    elif _is_points(part):
        part = [value for point in part for value in point]
    if not all(map(_is_number, part)):
        raise ValueError(f'polygon with coordinates {str(part)[:40]}')
    if len(part) % 2:
        raise ValueError('polygon with an odd number of coordinates')
    return part


def _is_mask(part):
    return not isinstance(part, list)


def _is_number(value):
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _is_points(shape):
    """Return whether a list has points [x, y], and not polygons."""
    return len(shape) >= 3 and all(
        isinstance(p, list) and len(p) == 2 and all(map(_is_number, p))
        for p in shape
    )


def _has_named_points(shape):
    """Return whether a list has points {'x': x, 'y': y} only."""
    return bool(shape) and all(
        isinstance(p, dict) and p.keys() == {'x', 'y'} for p in shape
    )


def _touches(part, height, width):
    if _is_mask(part):
        return part.any()
    x, y = part[::2], part[1::2]
    return (
        max(x) >= 0
        and max(y) >= 0
        and min(x) <= width - 1
        and min(y) <= height - 1
    )


def _polygon_area(polygon):
    x, y = polygon[::2], polygon[1::2]
    return 0.5 * abs(
        sum(x[k - 1] * y[k] - x[k] * y[k - 1] for k in range(len(x)))
    )
