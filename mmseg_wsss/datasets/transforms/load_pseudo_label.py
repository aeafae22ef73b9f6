"""Refinement step that loads a pseudo label from disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

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
        self.label_dir = Path(label_dir)
        if not self.label_dir.is_dir():
            raise ValueError(
                f'there is no folder of pseudo labels {self.label_dir}: write '
                'them with tools/make_pseudo_labels.py, or set label_dir'
            )

    def transform(self, results: dict) -> dict:
        """Add ``pseudo_label``.

        Raises:
            ValueError: If the file is missing, is no label of that size, or
                holds a class that is not in use.
        """
        size = require_image(results, self).shape[:2]
        path = self.label_dir / f'{Path(results["img_path"]).stem}.png'
        if not path.is_file():
            raise ValueError(f'the image has no pseudo label, {path}')
        try:
            with Image.open(path) as image:
                label = np.array(image)
        except OSError as error:
            raise ValueError(f'{path} is damaged: {error}') from error
        if label.dtype != np.uint8 or label.shape != size:
            raise ValueError(
                f'{path} is {label.dtype} {label.shape}, a pseudo label of '
                f'the image is uint8 {size}'
            )
        results['pseudo_label'] = self._in_use(path, label, results)
        return results

    def _in_use(
        self, path: Path, label: np.ndarray, results: dict
    ) -> np.ndarray:
        """Map the file's class indices to those in use."""
        table = np.full(256, -1, np.int16)
        ids = class_ids(results, self)
        table[ids] = np.arange(len(ids))
        table[[BIASED_LABEL, IGNORE_LABEL]] = BIASED_LABEL, IGNORE_LABEL
        mapped = table[label]
        if mapped.min() < 0:
            raise ValueError(
                f'{path} holds the labels {np.unique(label).tolist()}, the '
                f'classes in use have {ids}: is it of another data set?'
            )
        return mapped.astype(np.uint8)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(label_dir='{self.label_dir}')"
