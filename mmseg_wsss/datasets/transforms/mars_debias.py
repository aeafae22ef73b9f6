"""Pipeline step that marks biased objects in a pseudo label (MARS)."""

from __future__ import annotations

import os

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from torch import Tensor

from ...io.centroids import load_centroids
from ...pseudo_labels.dense_crf import require_pydensecrf
from ...pseudo_labels.mars import debiased_label, mask_scores, similarity_map
from ...pseudo_labels.mars_complement import refine_image
from ...utils import check_option
from .keys import (
    class_ids,
    label_key,
    require,
    required_background,
    rgb_image,
)

REFINERS = ('crf', 'local', 'none')


@TRANSFORMS.register_module()
class MARSDebias(BaseTransform):
    """Mark foreground pixels that look like none of the image's objects.

    MARS (:mod:`mmseg_wsss.pseudo_labels.mars`), Sec. 3.3: the similarity of
    each cell's feature to the debiased centroids of the image's classes, the
    largest one of them (Eq. 4), refined and made binary; foreground of the
    pseudo label outside that mask becomes 254, biased (Eq. 5).

    It works in a refiner's pipeline on ``pseudo_label`` (offline, by
    ``tools/make_pseudo_labels.py``), and in a training pipeline on
    ``gt_seg_map``, between LoadAnnotations and the first step that changes
    the geometry.

    Required keys: ``img``, ``image_labels``, ``features``, a label. Changed
    key: the label. Added key: ``similarity`` float32 (h, w). Removed key:
    ``features``.

    Foreground of every class is judged, also of one that the image labels do
    not have. A class of the image that has no debiased centroid is left alone:
    nothing is known about it. Where no class of the image has one, nothing
    looks like its objects: classes that it does not have become biased.

    Args:
        centroids: File of ``tools/make_centroids.py``.
        refine: What sharpens the similarity map, as two labels: 'crf',
            'local' (pixel-adaptive, cheap enough for training) or 'none'.
            The paper says "e.g. CRF". Defaults to 'crf'.
        threshold: Similarity in (0, 1) from which a pixel is kept; the paper
            gives none. What fits depends on the features. Defaults to 0.5,
            the argmax of [1 - m, m].

    Raises:
        ImportError: If pydensecrf is needed and missing.
        ValueError: If an option is out of range or the file is not one.
    """

    def __init__(
        self,
        centroids: str | os.PathLike,
        refine: str = 'crf',
        threshold: float = 0.5,
    ) -> None:
        check_option('refine', refine, REFINERS)
        if not 0 < threshold < 1:
            raise ValueError(f'threshold must be in (0, 1), got {threshold}')
        self.centroids = str(centroids)
        stored = load_centroids(centroids)
        self._origin = str(stored.feature_origin)
        self._vectors = dict(
            zip(stored.class_ids.tolist(), stored.centroids, strict=True)
        )
        self.refine = refine
        if refine == 'crf':
            require_pydensecrf()
        self.threshold = threshold

    def transform(self, results: dict) -> dict:
        """Mark biased pixels.

        Raises:
            ValueError: If a key is missing, features and centroids are not
                of one kind, or the data set has no background.
        """
        background = required_background(results, self)
        key = label_key(results)
        image = rgb_image(results, self)
        label = require(results, key, self)
        if image.shape[:2] != label.shape:
            raise ValueError(
                f'the image has size {image.shape[:2]}, its label '
                f'{label.shape}: put MARSDebias before steps that resize'
            )
        features = require(results, 'features', self)
        self._check_features(results, len(features))
        classes, vectors = self._centroids_of(results, background)
        similarity = torch.zeros(features.shape[1:])
        keep = torch.zeros(label.shape, dtype=torch.bool)
        if len(vectors):
            similarity = similarity_map(
                torch.from_numpy(features), torch.from_numpy(vectors)
            )
            keep = self._keep(similarity, image)
        changed = debiased_label(
            torch.from_numpy(label.astype(np.int64)), keep, classes
        )
        results[key] = changed.numpy().astype(label.dtype)
        results['similarity'] = similarity.numpy()
        del results['features']
        return results

    def _check_features(self, results: dict, channels: int) -> None:
        """Check that the centroids were made from such features."""
        origin = results.get('feature_origin', '')
        widths = {len(vector) for vector in self._vectors.values()}
        origins = {origin, self._origin} - {''}
        if widths - {channels} or len(origins) > 1:
            raise ValueError(
                f'the centroids of {self.centroids} were made from other '
                f'features than these of {channels} channels: make them again '
                'with tools/make_centroids.py'
            )

    def _centroids_of(
        self, results: dict, background: int
    ) -> tuple[list[int], np.ndarray]:
        """Return the classes to debias, and the centroids of the image's."""
        labels = require(results, 'image_labels', self)
        ids = class_ids(results, self)
        foreground = [k for k in range(len(labels)) if k != background]
        vectors = [
            self._vectors[ids[k]]
            for k in foreground
            if labels[k] > 0 and ids[k] in self._vectors
        ]
        judged = [
            k for k in foreground if labels[k] == 0 or ids[k] in self._vectors
        ]
        return judged, np.array(vectors, np.float32)

    def _keep(self, similarity: Tensor, image: np.ndarray) -> Tensor:
        """Upsample, refine and binarise: the mask M (H, W)."""
        large = F.interpolate(
            similarity[None, None],
            image.shape[:2],
            mode='bilinear',
            align_corners=False,
        )[0, 0]
        scores = mask_scores(large.clamp(0, 1), self.threshold)
        colours = torch.from_numpy(image).permute(2, 0, 1) / 255
        biased, kept = refine_image(scores, colours, self.refine)
        return kept >= biased

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(centroids='{self.centroids}', "
            f"refine='{self.refine}', "
            f'threshold={self.threshold})'
        )
