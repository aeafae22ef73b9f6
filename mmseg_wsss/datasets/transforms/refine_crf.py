"""Refinement steps that use the image: DenseCRF and PAMR."""

from __future__ import annotations

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...pseudo_labels.crf_params import crf_params
from ...pseudo_labels.dense_crf import crf_from_scores, require_pydensecrf
from ...pseudo_labels.pixel_adaptive import pixel_adaptive_refine
from ...structures.labels import IGNORE_LABEL
from ...utils import check_option
from .keys import background_of, label_of_scores, require, rgb_image

SOURCES = ('scores', 'pseudo_label')


@TRANSFORMS.register_module()
class DenseCRFRefine(BaseTransform):
    """Refine scores or a hard label by a fully connected CRF.

    Only the image's candidate classes take part, which takes half the time
    of VOC's 21 and leaves the labels as they are, but for ties
    (:func:`mmseg_wsss.pseudo_labels.crf_from_scores`).

    Changed or added keys: ``scores``, then marginals (K, H, W) that sum to 1,
    ``score_classes``, and, with ``source='pseudo_label'``, ``pseudo_label``.

    Args:
        params: Name of a preset of :data:`CRF_PRESETS`, or a dict of
            :class:`CRFParams`' fields that may name one to start from:
            ``dict(preset='psa', iterations=5)``. Defaults to 'psa'.
        source: 'scores' refines the scores, which need the background's row
            where there is a background; 'pseudo_label' a hard label, whose
            255 and 254 pixels are left to the CRF. Defaults to 'scores'.
        gt_prob: Trust in a hard label, in (0, 1). Defaults to 0.7 (IRN).

    Raises:
        ImportError: If pydensecrf is missing; it says how to install it.
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        params: str | dict = 'psa',
        source: str = 'scores',
        gt_prob: float = 0.7,
    ) -> None:
        require_pydensecrf()
        check_option('source', source, SOURCES)
        if not 0 < gt_prob < 1:
            raise ValueError(f'gt_prob must be in (0, 1), got {gt_prob}')
        self.params = crf_params(params)
        self.source = source
        self.gt_prob = gt_prob

    def transform(self, results: dict) -> dict:
        """Refine the scores or the label.

        Raises:
            ValueError: If the scores or the label are missing or do not fit
                the image, or a label is no candidate.
        """
        image = rgb_image(results, self)
        hard = self.source == 'pseudo_label'
        if hard:
            self._scores_from_label(results)
        scores = require(results, 'scores', self)
        background = background_of(results)
        if (
            background is not None
            and background not in results['score_classes']
        ):
            raise ValueError(
                'DenseCRFRefine finds no background among the scores, so that '
                'the whole image would become foreground: put '
                'mmseg_wsss.AddBackground before it, or, for a data set '
                'without background, set background_index=None in '
                'LoadImageLabels'
            )
        if len(scores):
            results['scores'] = crf_from_scores(image, scores, self.params)
        if hard:
            results['pseudo_label'] = label_of_scores(
                results['scores'], results['score_classes']
            )
        return results

    def _scores_from_label(self, results: dict) -> None:
        label = require(results, 'pseudo_label', self)
        candidates = np.flatnonzero(require(results, 'image_labels', self))
        if not len(candidates):
            raise ValueError(
                'the image has no label and the data set no background: drop '
                'the image from the list'
            )
        unsure = label >= IGNORE_LABEL - 1
        hit = label[None] == candidates[:, None, None]
        if not (hit.any(0) | unsure).all():
            raise ValueError(
                'the label holds classes that the image labels do not: '
                f'{np.setdiff1d(label[~unsure], candidates).tolist()}'
            )
        others = max(len(candidates) - 1, 1)
        scores = np.where(hit, self.gt_prob, (1 - self.gt_prob) / others)
        scores[:, unsure] = 1 / len(candidates)
        results['scores'] = scores.astype(np.float32)
        results['score_classes'] = candidates.astype(np.int64)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(params={self.params}, source='"
            f"{self.source}', gt_prob={self.gt_prob})"
        )


@TRANSFORMS.register_module()
class PixelAdaptiveRefine(BaseTransform):
    """Refine scores by averaging over near pixels of similar colour (PAMR).

    Much cheaper than a DenseCRF on a GPU, and local; see
    :func:`mmseg_wsss.pseudo_labels.pixel_adaptive_refine`, which does the
    same to batches inside a training loop.

    Changed key: ``scores`` (K, H, W).

    Args:
        dilations: Distances of the neighbours in pixels.
        iterations: Number of averaging steps. Defaults to 10.
        temperature: Lower is sharper. Defaults to 0.1.
    """

    def __init__(
        self,
        dilations: tuple[int, ...] = (1, 2, 4, 8, 12, 24),
        iterations: int = 10,
        temperature: float = 0.1,
    ) -> None:
        self.options = dict(
            dilations=tuple(dilations),
            iterations=iterations,
            temperature=temperature,
        )

    def transform(self, results: dict) -> dict:
        """Refine ``scores``; without any class they stay empty."""
        scores = require(results, 'scores', self)
        image = (
            torch.from_numpy(rgb_image(results, self)).permute(2, 0, 1) / 255
        )
        if len(scores):
            results['scores'] = pixel_adaptive_refine(
                torch.from_numpy(scores)[None], image[None], **self.options
            )[0].numpy()
        return results

    def __repr__(self) -> str:
        options = ', '.join(f'{k}={v}' for k, v in self.options.items())
        return f'{type(self).__name__}({options})'
