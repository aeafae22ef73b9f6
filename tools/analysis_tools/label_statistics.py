r"""Print class counts, co-occurrence and CSD's prior of image labels.

    python tools/analysis_tools/label_statistics.py \
        data/VOCdevkit/VOC2012/cls_labels.npy --classes PascalVOCDataset \
        --list data/VOCdevkit/VOC2012/ImageSets/Segmentation/train_aug.txt

For each class: the images that have it, those that have nothing else, the
class it occurs with most (images, and their share), and the classes that CSD
pastes most into such an image (Eq. 1 of the paper) with their probabilities.
"""

import argparse
from collections import Counter

from mmseg_wsss.datasets import (
    cooccurrence,
    load_image_labels,
    partner_prior,
    read_split_list,
)
from mmseg_wsss.datasets.label_files.load import single_label_counts
from mmseg_wsss.datasets.transforms.loading import resolve_classes
from mmseg_wsss.jobs.command_line import exit_on_error
from mmseg_wsss.structures import foreground_indices

import numpy as np
from prettytable import PrettyTable

COLUMNS = ('id', 'class', 'images', 'single', 'occurs most with', 'pasted')
PASTED = 2  # classes in the last column


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('labels', help='label file or folder of VOC XML')
    parser.add_argument(
        '--classes',
        nargs='+',
        required=True,
        metavar='NAME',
        help='registered MMSeg data set, or the class names in their order',
    )
    parser.add_argument('--list', help='text file with the images to count')
    parser.add_argument(
        '--no-background',
        action='store_true',
        help='the first class is not the background',
    )
    return parser.parse_args()


def read(args: argparse.Namespace) -> tuple[list[int], list[str], np.ndarray]:
    """Read ids and names of the K classes, and the labels (L, K)."""
    classes = args.classes
    classes = resolve_classes(classes[0] if len(classes) == 1 else classes)
    background = None if args.no_background else 0
    table = load_image_labels(args.labels)
    stems = read_split_list(args.list) if args.list else list(table)
    rows = [table.vector(stem, classes, background) for stem in stems]
    if not rows:
        raise ValueError(f'{args.labels} has no image')
    ids = foreground_indices(len(classes), background)
    return ids, [classes[k] for k in ids], np.stack(rows)[:, ids] > 0


def class_table(
    ids: list[int], names: list[str], labels: np.ndarray, prior: np.ndarray
) -> PrettyTable:
    """Return a table, one row per class, with the top of its prior."""
    counts = cooccurrence(labels)
    alone = single_label_counts(labels)
    table = PrettyTable(COLUMNS, align='r')
    for column in ('class', *COLUMNS[-2:]):
        table.align[column] = 'l'
    for k, name in enumerate(names):
        others = counts[k].copy()
        total, others[k] = others[k], 0
        most = int(others.argmax())
        partner = '-'
        if others[most]:
            share = others[most] / total
            partner = f'{names[most]} {others[most]} {share:.3f}'
        best = np.argsort(-prior[k], kind='stable')[:PASTED]
        pasted = [f'{names[j]} {prior[k, j]:.3f}' for j in best if prior[k, j]]
        pasted = ', '.join(pasted)
        table.add_row([ids[k], name, total, alone[k], partner, pasted])
    return table


def main() -> None:
    args = parse_args()
    with exit_on_error():
        ids, names, labels = read(args)
        prior = partner_prior(labels)
    print(class_table(ids, names, labels, prior))
    several = Counter(labels.sum(1).tolist())
    spread = ', '.join(f'{several[n]} with {n}' for n in sorted(several))
    print(
        f'{len(labels)} images, {labels.sum(1).mean():.3f} classes on '
        f'average: {spread}'
    )


if __name__ == '__main__':
    main()
