"""What the image labels of a whole training set say, without an image read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from .label_files.load import cooccurrence

GROUND_TRUTH_FOLDERS = (
    'SegmentationClass',
    'SegmentationObject',
    'gtFine',
    'stuffthingmaps',
    'annotations',
    'masks_train',
    'masks_val',
)


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
        """Names of the classes that no image has."""
        empty = self.counts.diagonal() == 0
        return [
            name
            for name, none in zip(self.classes, empty, strict=True)
            if none
        ]


def leaf_datasets(dataset) -> Iterator:
    """Walk through concatenated, repeated and mixing data sets."""
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


def label_losing_transform(dataset) -> str | None:
    """Name a mixing transform that drops the partner's image labels.

    A mixing transform (``get_indices``) that unites the labels of its images
    says so with an attribute ``merges_image_labels = True``.

    Args:
        dataset: A data set, or a wrapper such as MultiImageMixDataset.

    Returns:
        str | None: Class name of the first such transform, None if all is
        well.
    """
    for step in wrapper_transforms(dataset):
        if hasattr(step, 'get_indices') and not getattr(
            step, 'merges_image_labels', False
        ):
            return type(step).__name__
    return None


def wrapper_transforms(dataset) -> Iterator:
    """Walk through the transforms of a data set and of all it wraps."""
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
        LabelStatistics | None: None if a pipeline has no LoadImageLabels.

    Raises:
        ValueError: If an image has no entry, no label, or a wrong one.
    """
    loaded = load_label_matrix(dataset)
    if loaded is None:
        return None
    classes, labels = loaded
    return LabelStatistics(classes, cooccurrence(labels), len(labels))


def load_label_matrix(dataset) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Load the image labels of a whole data set, without an image.

    Args:
        dataset: An MMSeg data set, or a wrapper around some.

    Returns:
        tuple | None: The C class names, and the multi-hot labels (L, C),
        bool, in the order of the images. None if a pipeline has no
        LoadImageLabels, or there is no image.

    Raises:
        ValueError: If an image has no entry, no label, or a wrong one.
    """
    vectors = []
    classes: tuple[str, ...] = ()
    for leaf in leaf_datasets(dataset):
        load = find_transform(leaf, 'LoadImageLabels')
        if load is None:
            return None
        if hasattr(leaf, 'full_init'):
            leaf.full_init()
        classes = tuple(leaf.metainfo['classes'])
        for index in range(len(leaf)):
            info = load.transform(leaf.get_data_info(index))
            if 'image_labels' not in info:
                raise ValueError(
                    f'{load.ann_file} has no entry for {info["img_path"]}: '
                    'LoadImageLabels(required=False) is for testing on new '
                    'photos, not for training'
                )
            vectors.append(info['image_labels'].astype(bool))
    return (classes, np.stack(vectors)) if vectors else None


def ground_truth_folder(dataset) -> str | None:
    """Name the folder of real masks that a training pipeline reads, if any.

    Args:
        dataset: An MMSeg data set, or a wrapper around some.

    Returns:
        str | None: The folder, judged by its name; None if all seems weak.
    """
    for leaf in leaf_datasets(dataset):
        folder = (getattr(leaf, 'data_prefix', None) or {}).get('seg_map_path')
        if not folder or find_transform(leaf, 'LoadAnnotations') is None:
            continue
        for part in PurePath(folder).parts:
            if part.startswith(GROUND_TRUTH_FOLDERS):
                return str(folder)
    return None
