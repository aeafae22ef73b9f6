"""Refinement step that loads a pseudo label from disk."""

from __future__ import annotations

import os

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...io.folders import require_folder
from ...io.labels import read_pseudo_label
from ...structures.labels import BIASED_LABEL, IGNORE_LABEL
from .keys import class_ids, require_image


@TRANSFORMS.register_module()
class LoadPseudoLabel(BaseTransform):
    """Load the label that an earlier pipeline wrote.

    Required keys: ``img``, ``img_path``, ``image_labels``. Added keys:
    ``pseudo_label`` (H, W), uint8, over the classes in use;
    see :mod:`mmseg_wsss.datasets.transforms.keys`.

    Args:
        label_dir: Folder of the files ``<stem>.png``, 8 bits.

    Raises:
        ValueError: If there is no such folder.
    """

    def __init__(self, label_dir: str | os.PathLike) -> None:
        self.label_dir = require_folder(
            label_dir,
            'pseudo labels',
            'write them with tools/make_pseudo_labels.py, or set label_dir',
        )

    def transform(self, results: dict) -> dict:
        """Add ``pseudo_label``.

        Raises:
            ValueError: If the file is missing, is no label of that size, or
                holds a class that is not in use.
        """
        size = require_image(results, self).shape[:2]
        path = results['img_path']
        label = read_pseudo_label(self.label_dir, path, size)
        table = np.full(256, -1, np.int16)
        ids = class_ids(results, self)
        table[ids] = np.arange(len(ids))
        table[[BIASED_LABEL, IGNORE_LABEL]] = BIASED_LABEL, IGNORE_LABEL
        mapped = table[label]
        if mapped.min() < 0:
            raise ValueError(
                f'the pseudo label of {path} in {self.label_dir} holds '
                f'{np.unique(label).tolist()}, the classes in use have {ids}: '
                'is it of another data set?'
            )
        results['pseudo_label'] = mapped.astype(np.uint8)
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(label_dir='{self.label_dir}')"
