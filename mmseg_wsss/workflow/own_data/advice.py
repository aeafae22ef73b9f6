"""What image labels say of themselves, and to which methods they are enough.

The bounds are rules of thumb; none of them was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...datasets.label_files.load import cooccurrence, single_label_counts
from .collection import some

# Photos of a class below which it is hardly learned.
FEW_PHOTOS = 10
# Single-label photos of a class below which CSD pastes the same ones again.
FEW_SINGLES = 20
# Photos of a class below which MARS averages few centroids.
FEW_CENTROIDS = 20
# Photos below which an affinity network has little to learn from.
FEW_IN_ALL = 100
# Share of all photos above which nothing tells a class from its surroundings.
ALMOST_ALL = 0.9
# A table of more classes is not readable.
WIDEST = 16
PAIRS = 10


def label_matrix(
    labels: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> np.ndarray:
    """Stack the labels of L photos, bool (L, K)."""
    index = {name: k for k, name in enumerate(classes)}
    matrix = np.zeros((len(labels), len(classes)), dtype=bool)
    for row, names in zip(matrix, labels.values(), strict=True):
        row[[index[name] for name in names]] = True
    return matrix


def class_table(classes: Sequence[str], hot: np.ndarray) -> list[str]:
    """Lay out the photos of each class, alone and with each other class.

    Args:
        classes: The K foreground classes.
        hot: Labels (L, K), bool.

    Returns:
        list[str]: Lines. With more than 16 classes the pairs that occur most
        stand below, in place of the columns.
    """
    counts, alone = cooccurrence(hot), single_label_counts(hot)
    wide = max(map(len, [*classes, 'class']))
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
    if not ids:
        pairs = zip(*np.triu(counts, 1).nonzero(), strict=True)
        pairs = sorted(pairs, key=lambda pair: -counts[pair])[:PAIRS]
        lines += [
            f'      {classes[k]} + {classes[l]}: {counts[k, l]} photos'
            for k, l in pairs
        ]
    return lines


def find_problems(classes: Sequence[str], hot: np.ndarray) -> list[str]:
    """Say why nothing can be learned from labels; empty if something can."""
    if not len(hot):
        return ['there is no readable photo with a label']
    met = hot.any(0)
    if met.sum() == 1:
        return [
            f'there is one class only, {classes[met.argmax()]}: a network '
            'learns it by comparing photos with and without it. Add photos '
            'that show something else, under the name of what they show'
        ]
    if hot[:, met].all():
        return [
            'every photo has every class: a network learns a class by '
            'comparing photos with and without it'
        ]
    if hot.sum(0).max() < 2:
        return [
            'every class has a single photo: nothing can be set aside, and '
            'nothing is seen twice. Add photos'
        ]
    return []


def find_doubts(classes: Sequence[str], hot: np.ndarray) -> list[str]:
    """Say which classes will be hard to learn from their labels."""
    counts = cooccurrence(hot)
    total = counts.diagonal()
    doubts = []
    none = [name for name, n in zip(classes, total, strict=True) if not n]
    if none:
        doubts.append(f'no photo has the class {", ".join(none)}')
    few = [
        f'{name} {n}'
        for name, n in zip(classes, total, strict=True)
        if 0 < n < FEW_PHOTOS
    ]
    if few:
        doubts.append(
            f'classes with fewer than {FEW_PHOTOS} photos: {", ".join(few)}; '
            'expect little of them'
        )
    for name, n in zip(classes, total, strict=True):
        if n > ALMOST_ALL * len(hot):
            doubts.append(
                f'{name} is in {n} of {len(hot)} photos: little tells it from '
                'the background. Add photos without it'
            )
    present = total.nonzero()[0]
    for i, k in enumerate(present):
        for l in present[i + 1 :]:
            if counts[k, l] == total[k] == total[l]:
                doubts.append(
                    f'{classes[k]} and {classes[l]} are always together: '
                    'labels cannot tell which is which. Add photos of one '
                    'alone'
                )
            elif counts[k, l] in (total[k], total[l]):
                small, large = (k, l) if total[k] < total[l] else (l, k)
                doubts.append(
                    f'{classes[small]} never occurs without {classes[large]}: '
                    f'{classes[large]} may be found in its place'
                )
    return doubts


def method_lines(classes: Sequence[str], hot: np.ndarray) -> list[str]:
    """Say for each method whether labels suit it, and what is missing.

    Args:
        classes: The K foreground classes.
        hot: Labels (L, K), bool.

    Returns:
        list[str]: One line for each method, its name in front.
    """
    total = hot.sum(0)
    alone = single_label_counts(hot)
    return [
        f'{name:<9} {text}'
        for name, text in (
            ('ISL, FSL', _hfpl(len(hot))),
            ('CSD', _csd(classes, alone, int((hot.sum(1) > 1).sum()))),
            ('PSA, IRN', _affinity(len(hot))),
            ('MARS', _mars(classes, total)),
            ('OCR', _ocr(hot)),
        )
    ]


def _hfpl(photos: int) -> str:
    text = (
        'suited: needs labels only, and a CAM network trained before, which '
        'it goes on from. Switch: use.hfpl'
    )
    if photos < FEW_IN_ALL:
        text += f'. Unsure with {photos} photos: compare with and without'
    return text


def _csd(classes: Sequence[str], alone: np.ndarray, several: int) -> str:
    names = [n for n, a in zip(classes, alone, strict=True) if not a]
    few = [
        f'{n} {a}'
        for n, a in zip(classes, alone, strict=True)
        if 0 < a < FEW_SINGLES
    ]
    if not alone.any() or not several:
        lack = 'with one class only' if several else 'with several classes'
        return (
            'not suited: it pastes objects of photos with one class into '
            f'photos with several, and there is none {lack}'
        )
    text = f'suited: {alone.sum()} photos with one class, {several} with more'
    if few or names:
        text = f'hardly suited ({alone.sum()} photos with one class)'
    if names:
        text += f'; never pasted, having no such photo: {some(names)}'
    if few:
        text += f'; the same few pasted again and again: {some(few)}'
    return text + '. Switch: use.csd'


def _affinity(photos: int) -> str:
    text = 'suited: needs no other label, but a second network'
    if photos < FEW_IN_ALL:
        text = (
            f'hardly suited: {photos} photos are few for a second network, '
            f'take {FEW_IN_ALL} or more'
        )
    return (
        f'{text}. Switch: use.irn, with pip install "mmseg_wsss[crf]". PSA is '
        'not in this pipeline: see configs/psa'
    )


def _mars(classes: Sequence[str], total: np.ndarray) -> str:
    few = [
        f'{n} {t}'
        for n, t in zip(classes, total, strict=True)
        if t < FEW_CENTROIDS
    ]
    text = 'suited'
    if few:
        text = (
            f'hardly suited: it averages over a class, which takes '
            f'{FEW_CENTROIDS} photos; too few: {", ".join(few)}'
        )
    return (
        f'{text}. Its features of colour and texture need no weights; those '
        'of DINO or STEGO know objects, and need a download (configs/mars). '
        'Switch: use.mars'
    )


def _ocr(hot: np.ndarray) -> str:
    absent = hot.shape[1] - hot.sum(1).mean()
    text = (
        f'suited: a photo lacks {absent:.1f} of {hot.shape[1]} classes, which '
        'predictions are to avoid'
    )
    if absent < 1:
        text = (
            f'hardly suited: a photo lacks {absent:.1f} of {hot.shape[1]} '
            'classes, so that few predictions are wrong by its label'
        )
    return text + '. Switch: use.ocr'
