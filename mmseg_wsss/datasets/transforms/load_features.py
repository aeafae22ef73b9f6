"""Pipeline step that loads an image's dense features from disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...io.features import load_features
from ...io.folders import require_folder
from ...io.provenance import folder_origin
from .grid import check_grid
from .keys import require_image


@TRANSFORMS.register_module()
class LoadFeatures(BaseTransform):
    """Load the features that ``tools/extract_features.py`` wrote.

    Required keys: ``img``, ``img_path``. Added keys: ``features``, float32
    (D, h, w), on the grid that is on disk, and ``feature_origin``, a hash of
    their ``source.json``, empty without one; see
    :mod:`mmseg_wsss.datasets.transforms.keys`.

    The features belong to the whole picture as it is on disk, so the step
    comes right after LoadImageFromFile, before anything that resizes,
    crops or flips.

    Args:
        feature_dir: Folder of the files ``<stem>.npy``.

    Raises:
        ValueError: If there is no such folder.
    """

    def __init__(self, feature_dir: str | os.PathLike) -> None:
        self.feature_dir = require_folder(
            feature_dir,
            'features',
            'write them with tools/extract_features.py, or set feature_dir',
        )
        self.origin = folder_origin(self.feature_dir)

    def transform(self, results: dict) -> dict:
        """Add ``features``.

        Args:
            results: Result dict of the pipeline.

        Returns:
            dict: The same dict.

        Raises:
            ValueError: If the file is missing or damaged, its grid does not
                fit the image, or the image is not the picture on disk.
        """
        size = require_image(results, self).shape[:2]
        if results.get('flip') or size != results.get('ori_shape', size):
            raise ValueError(
                'LoadFeatures needs the picture as it is on disk: put it '
                'right after LoadImageFromFile, before resizing, '
                'cropping and flipping'
            )
        path = self.feature_dir / f'{Path(results["img_path"]).stem}.npy'
        try:
            features = load_features(path)
        except FileNotFoundError as error:
            raise ValueError(
                f'the image has no features, {path}: run '
                'tools/extract_features.py on it'
            ) from error
        check_grid(path, 'features', features.shape[1:], size)
        results['features'] = features.astype(np.float32)
        results['feature_origin'] = self.origin
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(feature_dir='{self.feature_dir}')"
