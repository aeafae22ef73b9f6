"""Refinement steps that use the image: DenseCRF and PAMR."""

from __future__ import annotations

import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...pseudo_labels.crf_params import crf_params
from ...pseudo_labels.dense_crf import crf_from_scores, require_pydensecrf
from ...pseudo_labels.pixel_adaptive import pixel_adaptive_refine
from .keys import background_of, require, rgb_image


@TRANSFORMS.register_module()
class DenseCRFRefine(BaseTransform):
    """Refine scores by a fully connected CRF.

    Only the image's candidate classes take part, which takes half the time
    of VOC's 21 and leaves the labels as they are, but for ties
    (:func:`mmseg_wsss.pseudo_labels.crf_from_scores`).

    Changed key: ``scores``, then marginals (K, H, W) that sum to 1. They need
    the background's row where there is a background.

    Args:
        params: Name of a preset of :data:`CRF_PRESETS`, or a dict of
            :class:`CRFParams`' fields that may name one to start from:
            ``dict(preset='psa', iterations=5)``. Defaults to 'psa'.

    Raises:
        ImportError: If pydensecrf is missing; it says how to install it.
        ValueError: If a setting is out of range.
    """

    def __init__(self, params: str | dict = 'psa') -> None:
        require_pydensecrf()
        self.params = crf_params(params)

    def transform(self, results: dict) -> dict:
        """Refine the scores.

        Raises:
            ValueError: If the scores are missing, do not fit the image, or
                have no background.
        """
        image = rgb_image(results, self)
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
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(params={self.params})'


@TRANSFORMS.register_module()
class PixelAdaptiveRefine(BaseTransform):
    """Refine scores by averaging over near pixels of similar colour (PAMR).

    Much cheaper than a DenseCRF on a GPU, and local; see
    :func:`mmseg_wsss.pseudo_labels.pixel_adaptive_refine`, which does the
    same to batches inside a training loop.

    Changed key: ``scores`` (K, H, W).
    """

    def transform(self, results: dict) -> dict:
        """Refine ``scores``; without any class they stay empty."""
        scores = torch.from_numpy(require(results, 'scores', self))
        image = torch.from_numpy(rgb_image(results, self)).permute(2, 0, 1)
        refined = pixel_adaptive_refine(scores[None], image[None] / 255)
        results['scores'] = refined[0].numpy()
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
