"""The quality of a data set's pseudo labels, summed over ranks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.logging import print_log

from .areas import area_rates
from .contours import mean_score
from .label_files import label_areas, label_reader


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
        dict | None: ``images``, their number; ``mIoU``, ``FP`` and ``FN`` in
        percent, means over the classes that occur, background included; and
        ``IoU`` {class: percent}. None where an image has no mask or no label
        exists.

    Raises:
        ValueError: If a label and its mask differ in size, or a mask holds no
            class indices.
    """
    masks = [
        dataset.get_data_info(i).get('seg_map_path') for i in range(len(stems))
    ]
    if not all(mask and Path(mask).is_file() for mask in masks):
        return None
    labels = [label_dir / f'{stem}.png' for stem in stems]
    pairs = [
        pair for pair in zip(labels, masks, strict=True) if pair[0].is_file()
    ]
    if not pairs:
        return None
    classes = dataset.metainfo['classes']
    share = pairs[get_rank() :: get_world_size()]
    areas = label_areas(share, len(classes), label_reader(dataset))
    areas = torch.from_numpy(areas)
    all_reduce(areas)
    iou, fp, fn = area_rates(areas.numpy())
    return {
        'images': len(pairs),
        'mIoU': mean_score(iou),
        'FP': mean_score(fp),
        'FN': mean_score(fn),
        'IoU': dict(zip(classes, np.round(iou, 2).tolist(), strict=True)),
    }


def log_summary(result: dict | None) -> None:
    """Log what :func:`summarise_labels` found."""
    if result is None:
        print_log('no masks to compare with', logger='current')
        return
    for name, iou in result['IoU'].items():
        print_log(f'  IoU {name:<14} {iou:6.2f}', logger='current')
    print_log(
        f'pseudo labels of {result["images"]} images: mIoU '
        f'{result["mIoU"]:.2f}, FP {result["FP"]:.2f}, FN {result["FN"]:.2f}',
        logger='current',
    )
