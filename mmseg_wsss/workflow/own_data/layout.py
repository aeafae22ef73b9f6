"""Folders that are no classes: splits, images beside masks, one above."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_SPLITS = {
    *('train', 'training', 'trainval', 'val', 'valid', 'validation'),
    *('test', 'testing', 'dev', 'eval', 'evaluation', 'holdout'),
}
# What else may be in the name of a split's folder.
_FILLERS = {'set', 'data', 'dataset', 'split', 'seg'}
_PHOTOS = {'image', 'images', 'img', 'imgs', 'photo', 'photos', 'picture'}
_PHOTOS |= {'pictures', 'jpegimages', 'leftimg8bit'}
_MASKS = {'mask', 'masks', 'label', 'labels', 'annotation', 'annotations'}
_MASKS |= {'gt', 'groundtruth', 'segmentation', 'segmentations', 'gtfine'}
_MASKS |= {'segmentationclass', 'segmentationobject'}


def layout_problem(root: Path, photos: Iterable[Path]) -> str:
    """Check that the folders of photos can be classes.

    A class may be called ``train`` or ``mask``; two folders of a split, or
    images beside masks, are no classes.

    Args:
        root: The folder of the class folders.
        photos: The photos below it.

    Returns:
        str: What is wrong; '' if nothing is.
    """
    inner: dict[str, set[str]] = defaultdict(set)
    for path in photos:
        first, *rest = path.relative_to(root).parts
        if rest:
            inner[first].add(rest[0] if len(rest) > 1 else '')
    if not inner:
        return ''
    folders = sorted(inner)
    names = ', '.join(folders)
    splits = [name for name in folders if _words(name) & _SPLITS]
    plain = [n for n in splits if not _words(n) - _SPLITS - _FILLERS]
    below = [inner[name] for name in splits if '' not in inner[name]]
    shared = len(below) > 1 and set.intersection(*below)
    if len(plain) == len(folders) or len(plain) > 1 or shared:
        return (
            f'the folders {", ".join(splits)} of {root} are no '
            'classes but a split: give one of them, with one folder per class'
        )
    kinds = [''.join(re.findall(r'[a-z0-9]+', f.lower())) for f in folders]
    if (
        {*kinds} <= _PHOTOS | _MASKS
        and {*kinds} & _PHOTOS
        and {*kinds} & _MASKS
    ):
        return (
            f'the folders {names} of {root} are photos beside masks, no '
            'classes: give one folder per class, or the folder of the photos '
            'with --labels; masks go to --masks'
        )
    if len(folders) == 1 and len(inner[names] - {''}) > 1:
        return (
            f'all photos lie in {root / names}, whose folders are '
            f'{", ".join(sorted(inner[names] - {""}))}: give that folder'
        )
    return ''


def _words(name: str) -> set[str]:
    """Return the words of a name such as seg_train2, TrainSet, testset."""
    parts = re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name)
    words = re.findall('[a-z]+', parts.lower())
    return {word.removesuffix('set') or 'set' for word in words}
