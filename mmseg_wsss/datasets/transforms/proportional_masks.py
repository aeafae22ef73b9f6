"""Pipeline steps of PMM (ICCV 2021): smoothed scores, proportional masks."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...pseudo_labels.proportional import (
    ALPHA,
    PMM_CRF,
    SMOOTHING,
    THRESHOLD,
    check_smoothing,
    proportional_label,
    smooth_cam,
)
from .confident_labels import LabelFromCAM
from .keys import background_of, require


@TRANSFORMS.register_module()
class SmoothScores(BaseTransform):
    """Lift foreground scores by their coefficient of variation (CVS).

    Changed key: ``scores`` (K, H, W) in [0, 1], without the background; see
    :func:`mmseg_wsss.pseudo_labels.smooth_cam`.

    Args:
        smoothing: Factor of the coefficient of variation, >= 0. Defaults to
            0.3.
        threshold: Scores up to this become 0, in (0, 1). Defaults to 0.05.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self, smoothing: float = SMOOTHING, threshold: float = THRESHOLD
    ) -> None:
        check_smoothing(smoothing, threshold)
        self.smoothing = smoothing
        self.threshold = threshold

    def transform(self, results: dict) -> dict:
        """Smooth ``scores``; without any class they stay empty.

        Raises:
            ValueError: If the scores have a background, or are not in [0, 1].
        """
        scores = require(results, 'scores', self)
        if background_of(results) in results['score_classes']:
            raise ValueError(
                'SmoothScores smooths foreground scores: put '
                'mmseg_wsss.AddBackground after it'
            )
        results['scores'] = smooth_cam(scores, self.smoothing, self.threshold)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(smoothing={self.smoothing}, '
            f'threshold={self.threshold})'
        )


@TRANSFORMS.register_module()
class ProportionalMasks(LabelFromCAM):
    """Label from one mask of each class; small objects win overlaps (PPMG).

    Added key: ``pseudo_label`` (H, W), uint8; see
    :func:`mmseg_wsss.pseudo_labels.proportional_label`, which smooths the
    scores too. They have no background: AddBackground and SmoothScores are
    not needed before it.

    Args:
        smoothing: See :class:`SmoothScores`; 0 for none. Defaults to 0.3.
        alpha: Exponent of the background score, > 0. Defaults to 11.
        threshold: See :class:`SmoothScores`. Defaults to 0.05.
        params: CRF parameters, see :class:`DenseCRFRefine`, or None for no
            CRF. Defaults to PSA's with a smoothness weight of 10.

    Raises:
        ImportError: If pydensecrf is missing.
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        smoothing: float = SMOOTHING,
        alpha: float = ALPHA,
        threshold: float = THRESHOLD,
        params: str | dict | None = PMM_CRF,
    ) -> None:
        self.params = None
        if params is not None:
            super().__init__(params)
        check_smoothing(smoothing, threshold)
        if not alpha > 0:
            raise ValueError(f'alpha must be > 0, got {alpha}')
        self.smoothing = smoothing
        self.alpha = alpha
        self.threshold = threshold

    def _label(self, image: np.ndarray, cam: np.ndarray) -> np.ndarray:
        return proportional_label(
            image,
            cam,
            self.smoothing,
            self.alpha,
            self.threshold,
            self.params,
        )

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(smoothing={self.smoothing}, '
            f'alpha={self.alpha}, threshold={self.threshold}, '
            f'params={self.params})'
        )
