"""Checks of image labels: the class table, errors and warnings.

The bounds are rules of thumb; none of them was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...datasets.label_files.load import cooccurrence, single_label_counts

# A class with fewer photos is hardly learned.
FEW_PHOTOS = 10
# A class in a larger share of the photos cannot be told from background.
ALMOST_ALL = 0.9
# A table of more classes is not readable.
WIDEST = 16
PAIRS = 10


def label_matrix(
    labels: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> np.ndarray:
    """Return the labels of L photos, bool (L, K)."""
    index = {name: k for k, name in enumerate(classes)}
    matrix = np.zeros((len(labels), len(classes)), dtype=bool)
    for row, names in zip(matrix, labels.values(), strict=True):
        row[[index[name] for name in names]] = True
    return matrix


def class_table(classes: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return a table: photos of each class, alone and with each other class.

    Args:
        classes: The K foreground classes.
        labels: Labels (L, K), bool.

    Returns:
        list[str]: Lines. With more than 16 classes the pairs that occur most
        stand below, in place of the columns. Photos without any class have a
        row.
    """
    counts, alone = cooccurrence(labels), single_label_counts(labels)
    without = np.sum(~labels.any(1))
    wide = max(map(len, [*classes, 'no class']))
    columns = range(len(classes)) if len(classes) <= WIDEST else ()
    head = f'{"id":>4}  {"class":<{wide}}  {"photos":>6}  {"single":>6}'
    ids = ''.join(f'{k + 1:>6}' for k in columns)
    lines = [head + (f'  with{ids[4:]}' if ids else '')]
    for k, name in enumerate(classes):
        cells = [('-' if k == l else counts[k, l]) for l in columns]
        lines.append(
            f'{k + 1:>4}  {name:<{wide}}  {counts[k, k]:>6}  {alone[k]:>6}'
            + ('  ' + ''.join(f'{c:>6}' for c in cells) if ids else '')
        )
    if without:
        lines.append(f'{"-":>4}  {"no class":<{wide}}  {without:>6}')
    if not ids:
        pairs = zip(*np.triu(counts, 1).nonzero(), strict=True)
        pairs = sorted(pairs, key=lambda pair: -counts[pair])[:PAIRS]
        lines += [
            f'      {classes[k]} + {classes[l]}: {counts[k, l]} photos'
            for k, l in pairs
        ]
    return lines


def find_errors(classes: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return why nothing can be learned from labels, [] if something can."""
    met = labels.any(0)
    if not met.any():
        return ['there is no readable photo with a label']
    if met.sum() == 1 and labels[:, met].all():
        return [
            f'there is one class only, {classes[met.argmax()]}: a network '
            'learns it by comparing photos with and without it. Add photos '
            'without it, in a folder called background or with an empty cell '
            'in the table, or photos of other classes'
        ]
    if labels[:, met].all():
        return [
            'every photo has every class: a network learns a class by '
            'comparing photos with and without it'
        ]
    if labels.sum(0).max() < 2:
        return [
            'every class has a single photo: nothing can be set aside, and '
            'nothing is seen twice. Add photos'
        ]
    return []


def find_warnings(classes: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return which classes will be hard to learn from their labels."""
    counts = cooccurrence(labels)
    total = counts.diagonal()
    warnings = []
    none = [name for name, n in zip(classes, total, strict=True) if not n]
    if none:
        warnings.append(f'no photo has the class {", ".join(none)}')
    few = [
        f'{name} {n}'
        for name, n in zip(classes, total, strict=True)
        if 0 < n < FEW_PHOTOS
    ]
    if few:
        warnings.append(
            f'classes with fewer than {FEW_PHOTOS} photos: {", ".join(few)}; '
            'expect little of them'
        )
    for name, n in zip(classes, total, strict=True):
        if n > ALMOST_ALL * len(labels):
            warnings.append(
                f'{name} is in {n} of {len(labels)} photos: little tells it '
                'from the background. Add photos without it'
            )
    present = total.nonzero()[0]
    without = np.sum(~labels.any(1))
    if len(present) == 1 and without < FEW_PHOTOS:
        name = classes[present[0]]
        warnings.append(
            f'only {without} photos are without {name}, fewer than '
            f'{FEW_PHOTOS}: add some'
        )
    for i, k in enumerate(present):
        for l in present[i + 1 :]:
            if counts[k, l] == total[k] == total[l]:
                warnings.append(
                    f'{classes[k]} and {classes[l]} are always together: '
                    'labels cannot tell which is which. Add photos of one '
                    'alone; if both words are one name, end it in the table '
                    'with ; as in "hot dog;"'
                )
            elif counts[k, l] in (total[k], total[l]):
                small, large = (k, l) if total[k] < total[l] else (l, k)
                warnings.append(
                    f'{classes[small]} never occurs without {classes[large]}: '
                    f'{classes[large]} may be found in its place'
                )
    return warnings
