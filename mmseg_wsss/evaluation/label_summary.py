"""The quality of a data set's pseudo labels, summed over ranks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import (
    all_gather_object,
    all_reduce,
    get_rank,
    get_world_size,
    is_main_process,
)
from mmengine.logging import print_log

from ..datasets.mask_checks import MaskCheck
from ..io.labels import label_reader
from ..io.scalars import write_label_summary
from ..structures import background_in_use
from .areas import area_rates, label_areas
from .contours import mean_score


def summarise_labels(
    label_dir: Path,
    dataset,
    stems: Sequence[str],
    load_labels: Callable[[dict], dict] | None = None,
) -> dict | None:
    """Compare the labels in a folder with the masks of a data set.

    Each rank reads its share of the files; all get the sum.

    Args:
        label_dir: Folder of ``<stem>.png``; images without a file are left
            out.
        dataset: An MMSeg data set.
        stems: The images' names, in the data set's order.
        load_labels: A LoadImageLabels; masks are compared with the image
            labels too, see :class:`MaskCheck`. Defaults to None.

    Returns:
        dict | None: ``images``, the number of those compared; ``mIoU``,
        ``FP`` and ``FN`` in percent, means over the classes that occur,
        background included (NaN if none does); ``IoU`` {class: percent};
        ``no_mask``, the classes that no mask shows; and ``errors`` {name:
        what is wrong} of images whose label and mask cannot be compared.
        None where an image has no mask.

    Raises:
        ValueError: If most masks contradict the image labels.
    """
    masks = {
        i: dataset.get_data_info(i).get('seg_map_path')
        for i in range(get_rank(), len(stems), get_world_size())
    }
    lacking = torch.tensor(
        sum(not mask or not Path(mask).is_file() for mask in masks.values())
    )
    all_reduce(lacking)
    if lacking:
        return None
    classes = dataset.metainfo['classes']
    read = lru_cache(2)(label_reader(dataset))
    background = background_in_use(
        getattr(load_labels, 'background_index', 0),
        dataset.metainfo.get('label_map'),
    )
    areas = np.zeros((len(classes), 3), dtype=np.int64)
    images, errors, check = 0, {}, MaskCheck(classes, background)
    for index, mask in masks.items():
        stem = stems[index]
        label = label_dir / f'{stem}.png'
        if not label.is_file():
            continue
        try:
            areas += label_areas([(label, mask)], len(classes), read)
            images += 1
            if load_labels is not None:
                _compare(check, read(mask), load_labels, dataset, index)
        except (ValueError, OSError) as error:
            errors[stem] = str(error)
    counts = torch.tensor([*areas.flatten().tolist(), images])
    all_reduce(counts)
    for part in all_gather_object(errors):
        errors.update(part)
    found = MaskCheck(classes, background)
    for part in all_gather_object(check):
        found.merge(part)
    _report_check(found, label_dir)
    total = counts[:-1].view(-1, 3).numpy()
    iou, fp, fn = area_rates(total)
    return {
        'images': int(counts[-1]),
        'mIoU': mean_score(iou),
        'FP': mean_score(fp),
        'FN': mean_score(fn),
        'IoU': dict(zip(classes, np.round(iou, 2).tolist(), strict=True)),
        'no_mask': [classes[k] for k in np.flatnonzero(total[:, 2] == 0)],
        'errors': dict(sorted(errors.items())),
    }


def _compare(
    check: MaskCheck,
    mask: np.ndarray,
    load_labels: Callable[[dict], dict],
    dataset,
    index: int,
) -> None:
    """Compare a mask with the image labels of its image."""
    info = load_labels(dataset.get_data_info(index))
    check.add(str(info['seg_map_path']), mask, info.get('image_labels'))


def _report_check(check: MaskCheck, label_dir: Path) -> None:
    problems = check.problems()
    if problems:
        raise ValueError(
            f'the labels in {label_dir} were not compared with the masks: '
            + '. '.join(problems)
        )
    for warning in check.warnings():
        print_log(warning, logger='current', level=logging.WARNING)


def log_summary(result: dict | None, out_dir: Path) -> None:
    """Log what :func:`summarise_labels` found, and write its figures.

    Args:
        result: What it returned.
        out_dir: Folder that gets ``label_summary.json`` with ``mIoU``, ``FP``
            and ``FN``, if there were masks.
    """
    if result is None:
        print_log('no masks to compare with', logger='current')
        return
    for stem, error in result['errors'].items():
        print_log(f'  {stem} was not compared: {error}', logger='current')
    for name, iou in result['IoU'].items():
        print_log(f'  IoU {name:<14} {iou:6.2f}', logger='current')
    if result['images'] and result['no_mask']:
        print_log(
            f'no mask shows {", ".join(result["no_mask"])}: IoU is nan, or 0 '
            'where labels do',
            logger='current',
        )
    counted = sum(not np.isnan(iou) for iou in result['IoU'].values())
    print_log(
        f'pseudo labels of {result["images"]} images: mIoU '
        f'{result["mIoU"]:.2f}, FP {result["FP"]:.2f}, FN {result["FN"]:.2f}, '
        f'mean over {counted} of {len(result["IoU"])} classes',
        logger='current',
    )
    if is_main_process():
        figures = {k: round(result[k], 2) for k in ('mIoU', 'FP', 'FN')}
        write_label_summary(out_dir, figures)
