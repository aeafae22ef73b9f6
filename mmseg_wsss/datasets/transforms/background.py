"""The background's index, which travels with the image labels."""

from __future__ import annotations

from mmcv.transforms import BaseTransform


def background_of(results: dict) -> int | None:
    """Return the background's index among the classes in use.

    Args:
        results: The record of an image. LoadImageLabels sets
            ``background_index``; without it the index is 0.
    """
    return results.get('background_index', 0)


def required_background(results: dict, caller: BaseTransform) -> int:
    """Return the background's index, or raise if the data set has none.

    Args:
        results: The record of an image.
        caller: The transform that needs a background, for the error.

    Raises:
        ValueError: If the data set has no background, or drops class 0
            (``reduce_zero_label``).
    """
    name, index = type(caller).__name__, background_of(results)
    if index is None:
        raise ValueError(
            f'{name} needs a background class, but LoadImageLabels has '
            'background_index=None: use a data set with background'
        )
    if results.get('reduce_zero_label'):
        raise ValueError(
            f'{name} needs a background class, which a data set with '
            'reduce_zero_label=True has dropped (and reading it would turn '
            'the label 254 into 253): use a data set that keeps class 0'
        )
    return index
