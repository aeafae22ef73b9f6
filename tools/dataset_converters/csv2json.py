"""Convert a CSV table to image-label JSON.

The table has a header row and the images in its first column, or in one
called 'image'; then either a column 'labels' with names separated by ';',
'|', ',' or blanks (the first of them that the file has) or lists such as
["cat", "dog"], or one column of 0 and 1 per class. An image in several rows
has the classes of them all.
"""

from _converters import add_classes, convert, label_parser, run


def main() -> None:
    parser = label_parser(__doc__, 'CSV table, UTF-8')
    add_classes(parser)
    convert(parser.parse_args(), 'csv')


if __name__ == '__main__':
    run(main)
