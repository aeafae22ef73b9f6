"""The class indices that label and CAM files hold."""

from __future__ import annotations

from collections.abc import Mapping


def original_class_ids(meta: Mapping) -> list[int]:
    """Map the classes in use to the indices that mask files hold.

    Args:
        meta: The data set's ``metainfo``: ``classes``, of which only the
            number counts, ``label_map`` and ``reduce_zero_label``.

    Returns:
        list[int]: One index per class in use, in their order.
    """
    count = len(meta['classes'])
    label_map = meta.get('label_map')
    if label_map is None:
        ids = list(range(count))
    else:
        inverse = {new: old for old, new in reversed(label_map.items())}
        ids = [int(inverse[new]) for new in range(count)]
    return [k + 1 for k in ids] if meta.get('reduce_zero_label') else ids
