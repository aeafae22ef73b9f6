"""Correct image labels by an edited table of doubted ones.

tools/find_label_errors.py writes the table. Its column action says what is
wrong: remove takes the class from the labels of the photo, add gives it to
them, keep changes nothing. Other rows, photo,class,action, may be added.
LABELS is a label file of any format, OUT is JSON, OUT.json, and may be LABELS
itself.
"""

import argparse
import shlex
from collections import Counter

from _converters import check_json, print_summary, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('labels', help='image labels')
    parser.add_argument('changes', help='edited table, CSV')
    parser.add_argument('--out', required=True, help='JSON to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    check_json('--out', args.out)
    from mmseg_wsss.datasets.label_files.label_changes import (
        apply_label_changes,
        read_label_changes,
    )
    from mmseg_wsss.datasets.label_files.load import (
        load_image_labels,
        save_image_labels,
    )

    labels = load_image_labels(args.labels)
    changes = read_label_changes(args.changes)
    changed = apply_label_changes(labels, changes)
    save_image_labels(args.out, changed)
    print_summary(changed, labels.names)
    done = Counter(row.action for row in changes)
    print(
        f'{done["add"]} labels added, {done["remove"]} removed, '
        f'{done["keep"]} rows kept'
    )
    print(f'wrote {args.out}')
    empty = [name for name, names in changed.items() if not names]
    if empty:
        print(
            f'{len(empty)} images (such as {empty[0]}) have no class now: '
            'they show background alone. LoadImageLabels needs '
            'allow_empty=True for them; or take them out of the list of '
            'training images'
        )
    present = {name for names in changed.values() for name in names}
    order = [name for name in labels.names if name in present]
    if order != sorted(order):
        print(
            'JSON does not keep the order of the classes. If masks have it: '
            f'from_folder.py --classes {shlex.join(order)}'
        )


if __name__ == '__main__':
    run(main)
