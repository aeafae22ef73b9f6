"""What refiners pass on to each other.

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
                     None; LoadCAM's and LoadPseudoLabel's
``features``         float32 (D, h, w), dense features; LoadFeatures'
``feature_origin``   where they come from; LoadFeatures'
==================== =====================================================
"""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform


def bgr_image(results: dict) -> np.ndarray:
    """Return the record's image (H, W, 3), uint8, BGR."""
    image = results.get('img')
    if image is None:
        raise ValueError(
            'a refiner needs the image: put '
            "dict(type='LoadImageFromFile', imdecode_backend='pillow') in "
            'front of it'
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            'a refiner needs a colour image (H, W, 3), uint8, got '
            f'{image.shape} {image.dtype}'
        )
    return image


def rgb_image(results: dict) -> np.ndarray:
    """Return the record's image (H, W, 3), uint8, RGB, contiguous."""
    return np.ascontiguousarray(bgr_image(results)[..., ::-1])


def scores_of(results: dict, caller: BaseTransform) -> np.ndarray:
    """Return the record's scores (K, H, W)."""
    scores = results.get('scores')
    if scores is None:
        raise ValueError(
            f'{type(caller).__name__} needs scores: put '
            "dict(type='mmseg_wsss.LoadCAM', cam_dir=...) in front of it"
        )
    return scores


def image_labels_of(results: dict, caller: BaseTransform) -> np.ndarray:
    """Return the record's image labels (C,)."""
    labels = results.get('image_labels')
    if labels is None:
        raise ValueError(
            f'{type(caller).__name__} needs the image labels: put '
            "dict(type='mmseg_wsss.LoadImageLabels', ...) in front of it"
        )
    return labels


def features_of(results: dict, caller: BaseTransform) -> np.ndarray:
    """Return the record's features (D, h, w)."""
    features = results.get('features')
    if features is None:
        raise ValueError(
            f'{type(caller).__name__} needs features: put '
            "dict(type='mmseg_wsss.LoadFeatures', feature_dir=...) in front "
            'of it'
        )
    return features


def label_key(results: dict, caller: BaseTransform) -> str:
    """Tell where a record has its label.

    Args:
        results: The record, of a refiner's pipeline or of a training one.
        caller: The transform that asks, for the error.

    Returns:
        str: ``'pseudo_label'``, or ``'gt_seg_map'`` of LoadAnnotations.
    """
    for key in ('pseudo_label', 'gt_seg_map'):
        if results.get(key) is not None:
            return key
    raise ValueError(
        f'{type(caller).__name__} needs a pseudo label: put '
        "dict(type='mmseg_wsss.LoadPseudoLabel', label_dir=...), or in a "
        "training pipeline dict(type='LoadAnnotations'), in front of it"
    )


def label_of(results: dict, caller: BaseTransform) -> np.ndarray:
    """Return the record's label (H, W), wherever it has it."""
    return results[label_key(results, caller)]


def check_background(results: dict, index: int, caller: BaseTransform) -> None:
    """Refuse data without background, or with another one.

    Raises:
        ValueError: If an earlier step has another background, or the data
            set drops class 0 (``reduce_zero_label``).
    """
    name = type(caller).__name__
    other = results.get('background_index', index)
    if other != index:
        raise ValueError(
            f'{name} has background_index={index}, an earlier step of the '
            f'pipeline {other}: give both the same'
        )
    if results.get('reduce_zero_label'):
        raise ValueError(
            f'{name} needs a background class, which a data set with '
            'reduce_zero_label=True has dropped (and reading it would turn '
            'the label 254 into 253): use a data set that keeps class 0'
        )


def label_of_scores(scores: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Take each pixel's best class.

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
