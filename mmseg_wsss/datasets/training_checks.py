"""Checks of the training data, before and in the first training steps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import PurePath

from mmengine.logging import print_log
from torch import nn

from ..structures.labels import BIASED_LABEL, MAX_CLASSES
from .training_labels import (
    LabelStatistics,
    find_transform,
    label_statistics,
    leaf_datasets,
    wrapper_transforms,
)

GROUND_TRUTH_FOLDERS = (
    'SegmentationClass',
    'SegmentationObject',
    'gtFine',
    'stuffthingmaps',
    'annotations',
    'masks_train',
    'masks_val',
)


def check_training_data(
    dataset, segmentor: nn.Module, allow_masks: bool = False
) -> None:
    """Check that a training set fits weak training and a segmentor's losses.

    All image labels are read, so that a wrong one is found before training.
    Their counts are passed to losses that await them, such as
    ``OCRLoss(prior='auto')``. A class without image and masks that look like
    ground truth are warned about.

    Args:
        dataset: An MMSeg data set, or a wrapper around some.
        segmentor: The segmentor, out of any wrapper.
        allow_masks: Do not warn about ground-truth masks.

    Raises:
        ValueError: If an image label is missing or wrong, a transform drops
            labels, or a loss needs what the data set does not load.
    """
    if not allow_masks:
        _warn_of_ground_truth(dataset)
    mixing = label_losing_transform(dataset)
    if mixing:
        raise ValueError(
            f'{mixing} mixes images but keeps the image labels of one: '
            'classes that are there would count as absent. Remove it, or '
            'use a transform that unites the labels and has '
            'merges_image_labels = True'
        )
    statistics = label_statistics(dataset)
    if statistics is not None:
        _report(statistics)
    _set_priors(segmentor, statistics)
    _check_views(segmentor, dataset)


def refuse_biased(segmentor: nn.Module, data_samples: Sequence | None) -> None:
    """Check that no label map holds 254, unless this is a class.

    On a GPU the loss would fail with a device-side assert.

    Args:
        segmentor: The segmentor, with ``num_classes``.
        data_samples: The samples as the segmentor gets them.

    Raises:
        ValueError: If there is a biased pixel.
    """
    if getattr(segmentor, 'num_classes', 0) > MAX_CLASSES:
        return
    for sample in data_samples or ():
        if 'gt_sem_seg' not in sample:
            continue
        if (sample.gt_sem_seg.data == BIASED_LABEL).any():
            raise ValueError(
                f'{sample.get("img_path", "an image")} has biased pixels '
                f'(label {BIASED_LABEL}), and nothing fills them: add dict('
                "type='mmseg_wsss.ComplementHook') to custom_hooks, or, to "
                "leave them out, dict(type='mmseg_wsss.IgnoreBiased') to the "
                "training pipeline, after dict(type='LoadAnnotations')"
            )


def ground_truth_folder(dataset) -> str | None:
    """Return the folder of real masks that a training pipeline reads.

    Args:
        dataset: An MMSeg data set, or a wrapper around some.

    Returns:
        str | None: The folder, judged by its name; None if there is none.
    """
    for leaf in leaf_datasets(dataset):
        folder = (getattr(leaf, 'data_prefix', None) or {}).get('seg_map_path')
        if not folder or find_transform(leaf, 'LoadAnnotations') is None:
            continue
        for part in PurePath(folder).parts:
            if part.startswith(GROUND_TRUTH_FOLDERS):
                return str(folder)
    return None


def label_losing_transform(dataset) -> str | None:
    """Return the name of a mixing transform that drops image labels.

    A mixing transform (``get_indices``) that unites the labels of its images
    has an attribute ``merges_image_labels = True``.

    Args:
        dataset: A data set, or a wrapper such as MultiImageMixDataset.

    Returns:
        str | None: Class name of the first such transform, None if there is
        none.
    """
    for step in wrapper_transforms(dataset):
        if hasattr(step, 'get_indices') and not getattr(
            step, 'merges_image_labels', False
        ):
            return type(step).__name__
    return None


def _warn_of_ground_truth(dataset) -> None:
    folder = ground_truth_folder(dataset)
    if folder:
        print_log(
            f'THE TRAINING MASKS COME FROM {folder}, WHICH LOOKS LIKE '
            'GROUND TRUTH. Weak training reads image labels and pseudo '
            'labels only. Point data_prefix.seg_map_path at pseudo '
            'labels, or set WeakSupervisionHook(allow_masks=True) for a '
            'fully supervised run.',
            logger='current',
            level=logging.WARNING,
        )


def _report(statistics: LabelStatistics) -> None:
    print_log(
        f'image labels of {statistics.num_images} training images read',
        logger='current',
    )
    empty = statistics.classes_without_image()
    if empty:
        print_log(
            f'no training image has the class {", ".join(empty)}: it '
            'cannot be learned. Check the label file, the image list and '
            'the class names.',
            logger='current',
            level=logging.WARNING,
        )


def _set_priors(
    segmentor: nn.Module, statistics: LabelStatistics | None
) -> None:
    for name, module in segmentor.named_modules():
        if not getattr(module, 'awaits_cooccurrence', False):
            continue
        if statistics is None:
            raise ValueError(
                f"{name} has prior='auto', but the training pipeline "
                'loads no image labels to count: put '
                "dict(type='mmseg_wsss.LoadImageLabels', ann_file=..., "
                'classes=...) into it, or give the prior an array'
            )
        module.set_cooccurrence(statistics.counts, statistics.num_images)


def _check_views(segmentor: nn.Module, dataset) -> None:
    steps = {type(step).__name__ for step in wrapper_transforms(dataset)}
    pasted = {'CSDCopyPaste', 'PackWSSSInputs'} <= steps
    for name, module in segmentor.named_modules():
        if getattr(module, 'awaits_paste_views', False) and not pasted:
            raise ValueError(
                f'{name} learns from pasted views, but the training data '
                "holds none: wrap the data set in dict(type='mmseg_wsss."
                "CSDDataset', dataset=..., pipeline=[dict(type='mmseg_wsss."
                "CSDCopyPaste'), dict(type='mmseg_wsss.PackWSSSInputs')]), "
                'as configs/csd do'
            )
