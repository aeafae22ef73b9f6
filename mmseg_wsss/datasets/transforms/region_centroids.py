"""Pipeline step that clusters an image's features under its pseudo label."""

from __future__ import annotations

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...pseudo_labels.kmeans import kmeans
from ...pseudo_labels.mars import region_clusters
from .keys import label_key, require, required_background


@TRANSFORMS.register_module()
class RegionCentroids(BaseTransform):
    """Cluster the features under each class of the pseudo label (MARS).

    The first half of :mod:`mmseg_wsss.pseudo_labels.mars`;
    ``tools/make_centroids.py`` runs it over the images and selects the
    debiased centroids. A class takes part if the image labels have it.

    Required keys: ``pseudo_label`` or ``gt_seg_map``, ``image_labels``,
    ``features``. Added keys: ``centroids`` float32 (n, D),
    ``centroid_classes`` int64 (n,) over the classes in use, and
    ``centroid_cells`` int64 (h, w), the centroid of each cell, -1 for none.

    Args:
        foreground: K_fg, clusters of a foreground class. Defaults to 2.
        background: K_bg, clusters of the background. Defaults to 2.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(self, foreground: int = 2, background: int = 2) -> None:
        if min(foreground, background) < 1:
            raise ValueError(
                'foreground and background must be at least 1, got '
                f'{foreground} and {background}'
            )
        self.foreground = foreground
        self.background = background

    def transform(self, results: dict) -> dict:
        """Add the centroids.

        Raises:
            ValueError: If a key is missing, or the data set has no
                background.
        """
        background = required_background(results, self)
        present = np.flatnonzero(require(results, 'image_labels', self))
        found = region_clusters(
            torch.from_numpy(require(results, 'features', self)),
            torch.from_numpy(require(results, label_key(results), self)),
            {
                int(k): self.background if k == background else self.foreground
                for k in present
            },
            kmeans,
        )
        results['centroids'] = found.centroids.numpy()
        results['centroid_classes'] = found.classes.numpy()
        results['centroid_cells'] = found.cells.numpy()
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(foreground={self.foreground}, '
            f'background={self.background})'
        )
