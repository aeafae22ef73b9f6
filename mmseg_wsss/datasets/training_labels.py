"""Image labels of a whole training set, read without its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from mmseg.datasets import BaseSegDataset

from .label_files.load import cooccurrence
from .label_files.split_lists import check_ann_file
from .transforms.loading import resolve_classes

# Labels that are in memory at a time.
_BLOCK = 4096


@dataclass(frozen=True)
class LabelStatistics:
    """Image-label counts of a training set.

    Attributes:
        classes: The C class names, in the order of the counts.
        counts: Images with both classes, int64 (C, C); the diagonal counts
            the images of each class.
        num_images: Number of images.
    """

    classes: tuple[str, ...]
    counts: np.ndarray
    num_images: int

    def classes_without_image(self) -> list[str]:
        """Return the names of the classes that no image has."""
        empty = self.counts.diagonal() == 0
        return [
            name
            for name, none in zip(self.classes, empty, strict=True)
            if none
        ]


def leaf_datasets(dataset) -> Iterator:
    """Yield the data sets inside concatenating, repeating, mixing ones."""
    if hasattr(dataset, 'datasets'):
        for child in dataset.datasets:
            yield from leaf_datasets(child)
    elif hasattr(dataset, 'dataset'):
        yield from leaf_datasets(dataset.dataset)
    else:
        yield dataset


def find_transform(dataset, name: str):
    """Return the first transform of that class name in a pipeline, or None."""
    pipeline = getattr(dataset, 'pipeline', None)
    for transform in getattr(pipeline, 'transforms', ()):
        if type(transform).__name__ == name:
            return transform
    return None


def wrapper_transforms(dataset) -> Iterator:
    """Yield the transforms of a data set and of those inside it."""
    pipeline = getattr(dataset, 'pipeline', None) or ()
    yield from getattr(pipeline, 'transforms', pipeline)
    for child in getattr(dataset, 'datasets', ()):
        yield from wrapper_transforms(child)
    if hasattr(dataset, 'dataset'):
        yield from wrapper_transforms(dataset.dataset)


def label_statistics(dataset) -> LabelStatistics | None:
    """Count the image labels that a data set's pipelines would load.

    Every label is read, so that a wrong entry is found before training.

    Args:
        dataset: An MMSeg data set, or a wrapper around some.

    Returns:
        LabelStatistics | None: None if a pipeline has no LoadImageLabels, or
        there is no image.

    Raises:
        ValueError: If an image has no entry, no label, or a wrong one.
    """
    vectors, images, counts = _label_vectors(dataset), 0, 0
    while block := list(islice(vectors, _BLOCK)):
        counts = counts + cooccurrence(np.stack(block))
        images += len(block)
    if not images:
        return None
    return LabelStatistics(_last_classes(dataset), counts, images)


def load_label_matrix(dataset) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Load the image labels of a whole data set, without an image.

    Args:
        dataset: An MMSeg data set, or a wrapper around some.

    Returns:
        tuple | None: The C class names, and the multi-hot labels (L, C),
        bool, in the order of the images. None if a pipeline has no
        LoadImageLabels, or there is no image.

    Raises:
        ValueError: If an image has no entry, no label, or a wrong one, or
            the labels' classes are in another order than the data set's.
    """
    vectors = list(_label_vectors(dataset))
    return (_last_classes(dataset), np.stack(vectors)) if vectors else None


def _label_vectors(dataset) -> Iterator[np.ndarray]:
    """Yield the labels (C,), bool; none if a pipeline does not load them."""
    leaves = list(leaf_datasets(dataset))
    loads = [find_transform(leaf, 'LoadImageLabels') for leaf in leaves]
    if None in loads:
        return
    for leaf, load in zip(leaves, loads, strict=True):
        check_image_list(leaf)
        if hasattr(leaf, 'full_init'):
            leaf.full_init()
        _check_order(leaf, resolve_classes(load.classes))
        for index in range(len(leaf)):
            info = load.transform(leaf.get_data_info(index))
            if 'image_labels' not in info:
                raise ValueError(
                    f'{load.ann_file} has no entry for {info["img_path"]}: '
                    'LoadImageLabels(required=False) is for testing on new '
                    'photos, not for training'
                )
            yield info['image_labels'].astype(bool)


def _last_classes(dataset) -> tuple[str, ...]:
    *_, leaf = leaf_datasets(dataset)
    return tuple(leaf.metainfo['classes'])


def _check_order(dataset, names: Sequence[str]) -> None:
    """Check that LoadImageLabels counts the classes as a data set does."""
    declared = dataset.metainfo['classes']
    if getattr(dataset, 'label_map', None) is not None:
        declared = type(dataset).METAINFO['classes']
    place = {name: k for k, name in enumerate(declared)}
    for k, name in enumerate(names):
        if place.get(name, k) != k:
            raise ValueError(
                f'LoadImageLabels(classes=...) has the class {name!r} at '
                f'index {k}, the data set at {place[name]}: the image labels '
                "would be those of other classes. Give both the data set's "
                f'order, ({", ".join(declared[:9])}'
                f'{", ..." if len(declared) > 9 else ""})'
            )


def check_image_list(dataset) -> None:
    """Check the list of images that MMSeg's own reader takes.

    Args:
        dataset: An MMSeg data set, not a wrapper; others have no list.

    Raises:
        ValueError: If MMSeg reads other names from it than it has, see
            :func:`check_ann_file`.
    """
    reader = getattr(type(dataset), 'load_data_list', None)
    path = getattr(dataset, 'ann_file', None)
    if reader is BaseSegDataset.load_data_list and Path(path or '').is_file():
        check_ann_file(path)
