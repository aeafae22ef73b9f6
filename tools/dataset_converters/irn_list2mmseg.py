"""Convert a list of images to MMSeg's ann_file: one bare stem per line.

Lines may be '/JPEGImages/x.jpg /SegmentationClassAug/x.png' (PSA, SEAM,
HFPL), paths, file names or bare ids (IRN, MCTformer).
"""

import argparse
import sys

from _converters import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='list of images')
    parser.add_argument('out', help='list of stems to write')
    parser.add_argument(
        '--labels',
        metavar='FILE',
        help='image-label file that names classes (JSON, COCO, CSV, VOC); '
        'images without a label are left out',
    )
    args = parser.parse_args()

    from mmseg_wsss.datasets.label_files.load import load_image_labels
    from mmseg_wsss.datasets.label_files.split_lists import (
        read_split_list,
        write_split_list,
    )

    stems = read_split_list(args.source)
    print(f'images listed: {len(stems)}')
    if len(set(stems)) < len(stems):
        print(
            f'warning: {len(stems) - len(set(stems))} stems are listed more '
            'than once; they stay',
            file=sys.stderr,
        )
    if args.labels:
        labels = load_image_labels(args.labels)
        if labels.names is None:
            raise ValueError(
                f'{args.labels} does not name its classes: convert it with '
                'npy2json.py first'
            )
        missing = [stem for stem in stems if stem not in labels]
        if missing:
            raise ValueError(
                f'{args.labels} has no entry for {len(missing)} of the '
                f"images, such as '{missing[0]}'"
            )
        stems = [s for s in stems if labels[s]]
        print(f'images with a label: {len(stems)}')
    write_split_list(args.out, stems)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    run(main)
