"""Convert a folder of PASCAL VOC annotations to image-label JSON."""

from _converters import add_classes, convert, label_parser, run


def main() -> None:
    parser = label_parser(__doc__, "folder of *.xml, VOC's Annotations")
    add_classes(parser)
    parser.add_argument(
        '--no-difficult',
        action='store_true',
        help='leave out objects marked difficult (the label files of the '
        'field include them)',
    )
    args = parser.parse_args()
    convert(args, 'voc_xml', include_difficult=not args.no_difficult)


if __name__ == '__main__':
    run(main)
