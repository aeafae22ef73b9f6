"""Convert COCO instance annotations to image-label JSON.

With ``--split-list`` the images with at least one of the 80 classes are
listed: 82,081 of train2014 and 40,137 of val2014, the sets most papers use.
"""

from _converters import convert, label_parser, run


def main() -> None:
    parser = label_parser(__doc__, 'instances_*.json')
    convert(parser.parse_args(), 'coco')


if __name__ == '__main__':
    run(main)
