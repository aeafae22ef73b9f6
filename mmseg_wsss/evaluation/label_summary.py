"""The quality of a data set's pseudo labels, summed over ranks."""

from __future__ import annotations

from collections.abc import Sequence
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

from ..io.labels import label_reader
from ..io.scalars import write_label_summary
from .areas import area_rates, label_areas
from .contours import mean_score


def summarise_labels(
    label_dir: Path, dataset, stems: Sequence[str]
) -> dict | None:
    """Compare the labels in a folder with the masks of a data set.

    Each rank reads its share of the files; all get the sum.

    Args:
        label_dir: Folder of ``<stem>.png``; images without a file are left
            out.
        dataset: An MMSeg data set.
        stems: The images' names, in the data set's order.

    Returns:
        dict | None: ``images``, the number of those compared; ``mIoU``,
        ``FP`` and ``FN`` in percent, means over the classes that occur,
        background included (NaN if none does); ``IoU`` {class: percent}; and
        ``errors`` {name: what is wrong} of images whose label and mask cannot
        be compared. None where an image has no mask.
    """
    masks = [
        dataset.get_data_info(i).get('seg_map_path') for i in range(len(stems))
    ]
    if not all(mask and Path(mask).is_file() for mask in masks):
        return None
    classes, read = dataset.metainfo['classes'], label_reader(dataset)
    areas = np.zeros((len(classes), 3), dtype=np.int64)
    images, errors = 0, {}
    pairs = list(zip(stems, masks, strict=True))
    for stem, mask in pairs[get_rank() :: get_world_size()]:
        label = label_dir / f'{stem}.png'
        if not label.is_file():
            continue
        try:
            areas += label_areas([(label, mask)], len(classes), read)
            images += 1
        except (ValueError, OSError) as error:
            errors[stem] = str(error)
    counts = torch.tensor([*areas.flatten().tolist(), images])
    all_reduce(counts)
    for part in all_gather_object(errors):
        errors.update(part)
    iou, fp, fn = area_rates(counts[:-1].view(-1, 3).numpy())
    return {
        'images': int(counts[-1]),
        'mIoU': mean_score(iou),
        'FP': mean_score(fp),
        'FN': mean_score(fn),
        'IoU': dict(zip(classes, np.round(iou, 2).tolist(), strict=True)),
        'errors': dict(sorted(errors.items())),
    }


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
    print_log(
        f'pseudo labels of {result["images"]} images: mIoU '
        f'{result["mIoU"]:.2f}, FP {result["FP"]:.2f}, FN {result["FN"]:.2f}',
        logger='current',
    )
    if is_main_process():
        figures = {k: round(result[k], 2) for k in ('mIoU', 'FP', 'FN')}
        write_label_summary(out_dir, figures)
