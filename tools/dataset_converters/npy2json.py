"""Convert a ``cls_labels.npy`` to image-label JSON.

Keys are names ('2007_000032') or integers, VOC's 2007000032 as IRN writes it
and COCO's 139, which becomes '000000000139'. The vectors do
not name their classes, so ``--classes`` must be the right ones.
"""

from _converters import (
    add_classes,
    label_parser,
    read_classes,
    run,
    write_labels,
)


def main() -> None:
    parser = label_parser(__doc__, 'cls_labels.npy')
    add_classes(parser, default='PascalVOCDataset')
    parser.add_argument(
        '--background-index',
        type=int,
        default=0,
        help='place of the background among the classes, -1 for none '
        '(default: 0)',
    )
    args = parser.parse_args()

    from mmseg_wsss.datasets.label_files.load import load_image_labels

    classes = read_classes(args.classes)
    background = None if args.background_index == -1 else args.background_index
    table = load_image_labels(args.source, 'npy')
    labels = {}
    for stem in table:
        vector = table.vector(stem, classes, background)
        labels[stem] = tuple(
            classes[k] for k in vector.nonzero()[0] if k != background
        )
    foreground = [c for k, c in enumerate(classes) if k != background]
    write_labels(args, labels, foreground)


if __name__ == '__main__':
    run(main)
