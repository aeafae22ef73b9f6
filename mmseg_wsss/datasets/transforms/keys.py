"""Keys of the result dict that refiners read and write.

A refiner is an MMSeg transform on the result dict of one image. The keys:

==================== =====================================================
``img``              the image (H, W, 3), uint8, BGR, as LoadImageFromFile
                     gives it
``image_labels``     multi-hot (C,) over the classes in use, background
                     included, of LoadImageLabels
``scores``           float32 (K, H, W) at the image's size: CAMs in [0, 1],
                     then walked scores or probabilities
``score_classes``    int64 (K,), the class in use that each row belongs to
``pseudo_label``     uint8 (H, W): classes in use, 255 ignored, 254 biased
``background_index`` index of the background among the classes in use, or
                     None; LoadImageLabels'
``features``         float32 (D, h, w), dense features; LoadFeatures'
``feature_origin``   where they come from; LoadFeatures'
==================== =====================================================
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...io.class_ids import original_class_ids

# key: (what it is called in an error, the transform that adds it)
ADDED_BY = {
    'img': (
        'the image',
        "dict(type='LoadImageFromFile', imdecode_backend='pillow')",
    ),
    'image_labels': (
        'the image labels',
        "dict(type='mmseg_wsss.LoadImageLabels', ...)",
    ),
    'scores': ('scores', "dict(type='mmseg_wsss.LoadCAM', cam_dir=...)"),
    'pseudo_label': (
        'a pseudo label',
        "dict(type='mmseg_wsss.ScoresToLabel'), dict(type='mmseg_wsss."
        "LoadPseudoLabel', label_dir=...) or, in a training pipeline, "
        "dict(type='LoadAnnotations')",
    ),
    'gt_seg_map': ('a label map', "dict(type='LoadAnnotations')"),
    'features': (
        'features',
        "dict(type='mmseg_wsss.LoadFeatures', feature_dir=...)",
    ),
}


def require(results: dict, key: str, step: BaseTransform) -> Any:
    """Return a value of the results that a step cannot work without.

    Args:
        results: Result dict of the pipeline.
        key: One of the keys above.
        step: The transform that needs it, for the error.

    Returns:
        The value.

    Raises:
        ValueError: If it is missing; the error names the transform to add.
    """
    value = results.get(key)
    if value is None:
        what, transform = ADDED_BY[key]
        raise ValueError(
            f'{type(step).__name__} needs {what}: put {transform} before it'
        )
    return value


def require_image(results: dict, step: BaseTransform) -> np.ndarray:
    """Return the image (H, W, 3), uint8, BGR.

    Raises:
        ValueError: If it is missing, or has another shape or type.
    """
    image = require(results, 'img', step)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f'{type(step).__name__} needs a colour image (H, W, 3), uint8, '
            f'got {image.shape} {image.dtype}'
        )
    return image


def rgb_image(results: dict, step: BaseTransform) -> np.ndarray:
    """Return the image (H, W, 3), uint8, RGB, contiguous."""
    return np.ascontiguousarray(require_image(results, step)[..., ::-1])


def label_key(results: dict) -> str:
    """Return the key of the label.

    Returns:
        str: ``'pseudo_label'``; in a training pipeline, where there is none,
        ``'gt_seg_map'`` of LoadAnnotations.
    """
    in_training = results.get('gt_seg_map') is not None
    if in_training and results.get('pseudo_label') is None:
        return 'gt_seg_map'
    return 'pseudo_label'


def class_ids(results: dict, caller: BaseTransform) -> list[int]:
    """Return the index of each class in use in mask and CAM files.

    Args:
        results: Result dict of the pipeline, with ``image_labels``.
        caller: The transform that needs them, for the error.
    """
    labels = require(results, 'image_labels', caller)
    return original_class_ids({**results, 'classes': labels})


def background_of(results: dict) -> int | None:
    """Return the background's index among the classes in use.

    Args:
        results: Result dict of the pipeline. LoadImageLabels sets
            ``background_index``; without it the index is 0.
    """
    return results.get('background_index', 0)


def required_background(results: dict, caller: BaseTransform) -> int:
    """Return the background's index, or raise if the data set has none.

    Args:
        results: Result dict of the pipeline.
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


def label_of_scores(scores: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the class of the highest score at each pixel.

    Args:
        scores: Scores (K, H, W).
        classes: Class of each row (K,).

    Returns:
        np.ndarray: Labels (H, W), uint8; the first row wins a tie.

    Raises:
        ValueError: If there is no row.
    """
    if not len(classes):
        raise ValueError(
            'no class to choose from: the image has no label and the scores '
            'no background. Add mmseg_wsss.AddBackground, or, if the data '
            'set has no background class, drop the image from the list'
        )
    return classes.astype(np.uint8)[scores.argmax(0)]
