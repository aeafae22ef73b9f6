"""The classes of a data set, by its name."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg.registry import DATASETS


def listed_classes(classes: str | type | Sequence[str]) -> tuple[str, ...]:
    """Return class names as a tuple.

    Args:
        classes: Names, or the name of a registered MMSeg data set, or its
            class.

    Raises:
        ValueError: If there is no such data set, or it has no list of them.
    """
    if not isinstance(classes, str | type):
        return tuple(classes)
    try:
        dataset = (
            DATASETS.get(classes) if isinstance(classes, str) else classes
        )
    except RuntimeError:  # MMEngine on names such as 'a..b'
        dataset = None
    names = getattr(dataset, 'METAINFO', {}).get('classes')
    if names is None:
        raise ValueError(
            f"classes='{classes}' is no registered MMSeg data set with "
            "METAINFO['classes']: check the spelling, name the module in "
            'custom_imports, or list the class names instead'
        )
    return tuple(names)
