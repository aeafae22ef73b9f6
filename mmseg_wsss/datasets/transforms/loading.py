"""Pipeline step that loads the image labels of an image."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from mmseg.registry import TRANSFORMS

from ...structures import background_in_use, foreground_indices
from ...structures.classes import listed_classes
from ...structures.image_labels import UNUSED
from ..label_files.class_names import class_name
from ..label_files.load import load_image_labels
from ..label_files.table import ImageLabels


@TRANSFORMS.register_module()
class LoadImageLabels(BaseTransform):
    """Load the multi-hot image labels of an image.

    Required keys: ``img_path`` and, where the data set uses a part of its
    classes, ``label_map``. Added keys: ``image_labels``, float32 (C,), over
    the classes that the data set uses, in its order, background set to 1, and
    ``background_index``, the background's index in it.

    The label file is read once per process, when the first image is loaded.

    Args:
        ann_file: Label file or VOC annotation folder, see
            :func:`mmseg_wsss.load_image_labels`.
        classes: All class names of the data set in the order of its
            ``METAINFO['classes']`` (also where it uses only a part of them),
            or the registered name or the class of the data set, e.g.
            ``'PascalVOCDataset'``.
        background_index: Index of the background in ``classes``, None for
            data sets without one.
        file_format: See :func:`mmseg_wsss.load_image_labels`.
        allow_empty: Accept images without a foreground label.
        required: Images without an entry are an error, and a label file that
            is not there. False gives them no ``image_labels``: new photos, at
            test time, also on another machine.
    """

    def __init__(
        self,
        ann_file: str | os.PathLike,
        classes: str | type | Sequence[str],
        background_index: int | None = 0,
        file_format: str = 'auto',
        allow_empty: bool = False,
        required: bool = True,
    ) -> None:
        self.ann_file = str(ann_file)
        whole = isinstance(classes, str | type)
        self.classes = classes if whole else tuple(classes)
        self.background_index = background_index
        self.file_format = file_format
        self.allow_empty = allow_empty
        self.required = required
        self._loaded: tuple[ImageLabels, tuple[str, ...]] | None = None

    def transform(self, results: dict) -> dict:
        """Add ``image_labels`` to the results.

        Args:
            results: Result dict of the pipeline.

        Returns:
            dict: The same dict.

        Raises:
            FileNotFoundError: If there is no label file and it is required.
            ValueError: If the file, the classes and the data set do not fit
                together, or the image has no foreground label and
                ``allow_empty`` is False.
        """
        if not self.required and not Path(self.ann_file).exists():
            return results
        labels, classes = self._load()
        stem = Path(results.get('img_path') or '').stem
        if not self.required and stem not in labels:
            return results
        vector = labels.vector(stem, classes, self.background_index)
        foreground = np.zeros(len(vector), dtype=bool)
        foreground[foreground_indices(len(vector), self.background_index)] = 1
        label_map = results.get('label_map')
        if label_map is not None:
            _check_label_map(label_map, len(classes))
            vector = _remap(vector, label_map)
            foreground = _remap(foreground, label_map)
        if not self.allow_empty and not vector[foreground].any():
            raise ValueError(
                f"the image '{stem}' has no foreground label in "
                f'{self.ann_file}'
                + (' among the classes in use' if label_map else '')
                + ': drop it from the list of images (the converters in '
                'tools/dataset_converters write one with --split-list), or '
                'allow such images with LoadImageLabels(allow_empty=True)'
            )
        results['image_labels'] = vector
        results['background_index'] = background_in_use(
            self.background_index, label_map
        )
        return results

    def prepare(self, metainfo: Mapping) -> None:
        """Read the label file now, so that a wrong one is found early.

        Args:
            metainfo: That of the data set, which is not read.

        Raises:
            FileNotFoundError: If there is no label file.
            ValueError: If it cannot be read.
        """
        self._load()

    def _load(self) -> tuple[ImageLabels, tuple[str, ...]]:
        if self._loaded is None:
            classes = resolve_classes(self.classes)
            _warn_if_no_background(classes, self.background_index)
            labels = load_image_labels(self.ann_file, self.file_format)
            self._loaded = labels, classes
        return self._loaded

    def __getstate__(self) -> dict:
        """Do not pickle the table; each worker reads the file lazily."""
        return {**self.__dict__, '_loaded': None}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(ann_file='{self.ann_file}', "
            f'classes={self.classes!r}, '
            f'background_index={self.background_index}, '
            f"file_format='{self.file_format}', "
            f'allow_empty={self.allow_empty}, required={self.required})'
        )


def resolve_classes(classes: str | type | Sequence[str]) -> tuple[str, ...]:
    """Return class names, asking a registered data set for them.

    Args:
        classes: Class names, or the name under which a data set with
            ``METAINFO['classes']`` is registered in MMSeg.

    Returns:
        tuple: The class names.

    Raises:
        ValueError: If there is no such data set, it declares no classes, or
            a class occurs twice.
    """
    classes = listed_classes(classes)
    if not classes or len(set(map(class_name, classes))) != len(classes):
        raise ValueError(
            f'classes must be distinct names, got {tuple(classes)}'
        )
    return classes


def _warn_if_no_background(
    classes: tuple[str, ...], background_index: int | None
) -> None:
    if background_index is None or background_index >= len(classes):
        return
    name = classes[background_index]
    if 'background' not in name.lower():
        print_log(
            f"LoadImageLabels counts the class '{name}' as background, which "
            'is then labelled in every image; set background_index=None if '
            'the data set has no background class',
            logger='current',
            level=logging.WARNING,
        )


def _check_label_map(label_map: Mapping[int, int], count: int) -> None:
    if sorted(label_map) != list(range(count)):
        raise ValueError(
            f"the data set's label_map speaks of {len(label_map)} classes, "
            f'LoadImageLabels was given {count}: give it all classes of the '
            "data set's METAINFO, or the data set's registered name"
        )


def _remap(values: np.ndarray, label_map: Mapping[int, int]) -> np.ndarray:
    """Return a vector over all classes in the order of those in use."""
    used = {old: k for old, k in label_map.items() if k not in UNUSED}
    remapped = np.zeros(max(used.values(), default=-1) + 1, values.dtype)
    for old, new in used.items():
        remapped[new] = max(remapped[new], values[old])
    return remapped
