"""Checks of the training data, before and in the first training steps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
from mmengine.logging import print_log
from torch import nn

from ..structures.labels import BIASED_LABEL, IGNORE_LABEL, MAX_CLASSES
from .mask_checks import MaskCheck
from .training_labels import (
    LabelStatistics,
    check_image_list,
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
FILES_TO_CHECK = 20


def check_training_data(
    dataset, segmentor: nn.Module, allow_masks: bool = False
) -> None:
    """Check that a training set fits weak training and a segmentor's losses.

    All image labels are read, so that a wrong one is found before training,
    and a few label maps are compared with them, see
    :func:`check_label_files`. The counts of the image labels are passed to
    losses that await them, such as ``OCRLoss(prior='auto')``. A class
    without image and masks that look like ground truth are warned about.

    Args:
        dataset: An MMSeg data set, or a wrapper around some.
        segmentor: The segmentor, out of any wrapper.
        allow_masks: Do not warn about ground-truth masks.

    Raises:
        ValueError: If an image label is missing or wrong, the classes are in
            several orders, label maps do not fit, a transform drops labels,
            or a loss needs what the data set does not load.
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
        _check_num_classes(segmentor, statistics.classes)
        _report(statistics)
    check_label_files(dataset, segmentor)
    _set_priors(segmentor, statistics)
    _check_views(segmentor, dataset)


def check_label_files(dataset, segmentor: nn.Module) -> None:
    """Check some label maps of a data set, and compare them with the labels.

    The list of images is checked first, see :func:`check_image_list`. Then,
    of each data set, 20 files at even distances are read, by its own
    LoadAnnotations. Contradictions in a few are a warning, see
    :class:`MaskCheck`.

    Args:
        dataset: An MMSeg data set, or a wrapper around some.
        segmentor: The segmentor, with ``num_classes`` and a decode head.

    Raises:
        ValueError: If MMSeg reads other names from the list than it has,
            maps have several channels or values that are no
            class, or if they show classes in place of those labelled, or all
            show none.
    """
    for leaf in leaf_datasets(dataset):
        check_image_list(leaf)
        load = find_transform(leaf, 'LoadAnnotations')
        classes = (getattr(leaf, 'metainfo', None) or {}).get('classes')
        if load is None or not classes:
            continue
        load_labels = find_transform(leaf, 'LoadImageLabels')
        ignore = _ignore_index(segmentor)
        reserved = {IGNORE_LABEL, ignore}
        if len(classes) <= MAX_CLASSES:
            reserved.add(BIASED_LABEL)
        check = None
        count = min(FILES_TO_CHECK, len(leaf))
        for index in np.linspace(0, len(leaf) - 1, count, dtype=int):
            info = leaf.get_data_info(int(index))
            path = info.get('seg_map_path')
            if not path or not Path(path).is_file():
                continue
            info = load(info)
            if load_labels is not None:
                info = load_labels(info)
            if check is None:
                background = info.get('background_index', 0)
                check = MaskCheck(classes, background, sorted(reserved))
            check.add(path, info['gt_seg_map'], info.get('image_labels'))
        if check is not None:
            _report_label_files(check)


def check_label_values(
    segmentor: nn.Module, data_samples: Sequence | None
) -> None:
    """Check that every value of a batch's label maps is a class.

    On a GPU the loss would fail with a device-side assert.

    Args:
        segmentor: The segmentor, with ``num_classes``.
        data_samples: The samples as the segmentor gets them.

    Raises:
        ValueError: If there is a biased pixel, or another value that is
            neither a class nor to ignore.
    """
    # A binary head of one channel knows the labels 0 and 1.
    count = max(getattr(segmentor, 'num_classes', MAX_CLASSES), 2)
    ignore = _ignore_index(segmentor)
    for sample in data_samples or ():
        if 'gt_sem_seg' not in sample:
            continue
        label = sample.gt_sem_seg.data
        known = (label >= 0) & (label < count)
        known |= label == ignore
        if known.all():
            continue
        odd = label[~known].unique().tolist()
        path = sample.get('img_path', 'an image')
        if BIASED_LABEL in odd:
            raise ValueError(
                f'{path} has biased pixels '
                f'(label {BIASED_LABEL}), and nothing fills them: add dict('
                "type='mmseg_wsss.ComplementHook') to custom_hooks, or, to "
                "leave them out, dict(type='mmseg_wsss.IgnoreBiased') to the "
                "training pipeline, after dict(type='LoadAnnotations')"
            )
        raise ValueError(
            f'the label map {sample.get("seg_map_path") or f"of {path}"} '
            f'holds {odd[:4]}, but the segmentor has the classes 0 to '
            f'{count - 1}, and {ignore} is to ignore. What pads images has '
            'to be ignored too (seg_pad_val of data_preprocessor)'
        )


def _ignore_index(segmentor: nn.Module) -> int:
    """Return the label that the (last) decode head ignores."""
    head = getattr(segmentor, 'decode_head', None)
    if isinstance(head, nn.ModuleList):  # of a CascadeEncoderDecoder
        head = head[-1]
    return getattr(head, 'ignore_index', IGNORE_LABEL)


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


def _check_num_classes(segmentor: nn.Module, classes: Sequence[str]) -> None:
    count = getattr(segmentor, 'num_classes', None)
    if count is not None and count != len(classes):
        raise ValueError(
            f'the segmentor has num_classes={count}, its training data have '
            f'{len(classes)} classes, from {classes[0]} to {classes[-1]}: set '
            'num_classes of all heads'
        )


def _report_label_files(check: MaskCheck) -> None:
    problems = check.problems()
    if problems:
        raise ValueError('. '.join(problems))
    for warning in check.warnings():
        print_log(warning, logger='current', level=logging.WARNING)


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
                'holds none: wrap the data set, without the step that packs '
                "its images, in dict(type='mmseg_wsss."
                "CSDDataset', dataset=..., pipeline=[dict(type='mmseg_wsss."
                "CSDCopyPaste'), dict(type='mmseg_wsss.PackWSSSInputs')]), "
                'as configs/csd do'
            )
