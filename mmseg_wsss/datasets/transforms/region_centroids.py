"""Pipeline step that clusters an image's features under its pseudo label."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...pseudo_labels.kmeans import METRICS, kmeans
from ...pseudo_labels.mars import region_clusters
from ...utils import check_option
from .keys import check_background, label_key, require


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
        metric: 'cosine' or 'euclidean'. Defaults to 'cosine'.
        iterations: Most iterations of K-means. Defaults to 20.
        starts: Random starts beside the deterministic one. Defaults to 0.
        seed: Of the random starts; every image has the same.
        background_index: Index of the background among the classes in use.
            Defaults to 0.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        foreground: int = 2,
        background: int = 2,
        metric: str = 'cosine',
        iterations: int = 20,
        starts: int = 0,
        seed: int = 0,
        background_index: int = 0,
    ) -> None:
        check_option('metric', metric, METRICS)
        if min(foreground, background, iterations) < 1 or starts < 0:
            raise ValueError(
                'foreground, background and iterations must be at least 1 '
                f'and starts at least 0, got {foreground}, {background}, '
                f'{iterations} and {starts}'
            )
        if background_index is None:
            raise ValueError(
                'MARS tells biased objects by the background, so the data set '
                'needs a background class: set background_index'
            )
        self.foreground = foreground
        self.background = background
        self.background_index = background_index
        self.options = dict(
            metric=metric, iterations=iterations, starts=starts, seed=seed
        )

    def transform(self, results: dict) -> dict:
        """Add the centroids.

        Raises:
            ValueError: If a key is missing, or the data set has no or
                another background.
        """
        check_background(results, self.background_index, self)
        present = np.flatnonzero(require(results, 'image_labels', self))
        found = region_clusters(
            torch.from_numpy(require(results, 'features', self)),
            torch.from_numpy(require(results, label_key(results), self)),
            {int(k): self._clusters_of(k) for k in present},
            partial(kmeans, **self.options),
        )
        results['centroids'] = found.centroids.numpy()
        results['centroid_classes'] = found.classes.numpy()
        results['centroid_cells'] = found.cells.numpy()
        return results

    def _clusters_of(self, k: int) -> int:
        is_background = k == self.background_index
        return self.background if is_background else self.foreground

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(foreground={self.foreground}, '
            f'background={self.background}, '
            f"metric='{self.options['metric']}')"
        )
