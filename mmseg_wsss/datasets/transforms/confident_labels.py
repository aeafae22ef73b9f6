"""Pipeline steps that compute the labels of affinity networks."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...pseudo_labels.confident import irn_confident_label, psa_confident_label
from ...pseudo_labels.crf_params import crf_params
from ...pseudo_labels.dense_crf import require_pydensecrf
from ...structures.labels import IGNORE_LABEL
from .keys import require, required_background, rgb_image


class LabelFromCAM(BaseTransform):
    """Base of steps that make a label of CAMs, background included."""

    own_background = False  # whether the scores have one

    def __init__(self, params: str | dict) -> None:
        require_pydensecrf()
        self.params = crf_params(params)

    def transform(self, results: dict) -> dict:
        """Add ``pseudo_label``.

        Args:
            results: Result dict with ``img`` and ``scores``.

        Returns:
            dict: The same dict.

        Raises:
            ValueError: If the scores have a background or lack it, or the
                data set has none.
        """
        scores = require(results, 'scores', self)
        classes = results['score_classes']
        background = required_background(results, self)
        found = classes == background
        if found.any() and not self.own_background:
            raise ValueError(
                f'{type(self).__name__} makes its own background scores: '
                'remove AddBackground before it, or take CAMs without one'
            )
        if self.own_background and not found.any():
            raise ValueError(
                f'{type(self).__name__}(own_background=True) needs scores '
                'with a background, such as the CAMs of a SIPEHead: set '
                'own_background=False for others'
            )
        scores = np.concatenate([scores[found], scores[~found]])
        classes = classes[~found]
        position = self._label(rgb_image(results, self), scores)
        # Positions 0 (background), 1..K and 255 to class indices.
        table = np.full(256, IGNORE_LABEL, np.uint8)
        table[: len(classes) + 1] = [background, *classes]
        results['pseudo_label'] = table[position]
        return results

    @abstractmethod
    def _label(self, image: np.ndarray, cam: np.ndarray) -> np.ndarray:
        """Label each pixel 0, 1 .. K (rows of ``cam`` from 1 on) or 255.

        With ``own_background`` a row of the background is before the K rows.
        """


@TRANSFORMS.register_module()
class PSAConfidentLabels(LabelFromCAM):
    """Labels for AffinityNet from two CRFs with weak and strong background.

    Added key: ``pseudo_label`` (H, W), uint8: foreground where even a strong
    background (``low_alpha``) leaves it, background where even a weak one
    (``high_alpha``) wins, 255 between; see
    :func:`mmseg_wsss.pseudo_labels.psa_confident_label`.

    Args:
        low_alpha: Exponent of the strong background. Defaults to 4.
        high_alpha: Exponent of the weak background. Defaults to 32, the
            code's; SEAM takes 24, HFPL 1 and 24, MCTformer 1 and 12.
        params: CRF parameters, see :class:`DenseCRFRefine`. Defaults to 'psa'.

    Raises:
        ImportError: If pydensecrf is missing.
        ValueError: If not 0 < low_alpha < high_alpha.
    """

    def __init__(
        self,
        low_alpha: float = 4,
        high_alpha: float = 32,
        params: str | dict = 'psa',
    ) -> None:
        super().__init__(params)
        if not 0 < low_alpha < high_alpha:
            raise ValueError(
                'PSAConfidentLabels needs 0 < low_alpha < high_alpha, got '
                f'{low_alpha} and {high_alpha}'
            )
        self.low_alpha = low_alpha
        self.high_alpha = high_alpha

    def _label(self, image: np.ndarray, cam: np.ndarray) -> np.ndarray:
        return psa_confident_label(
            image, cam, self.low_alpha, self.high_alpha, self.params
        )

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(low_alpha={self.low_alpha}, '
            f'high_alpha={self.high_alpha}, params={self.params})'
        )


@TRANSFORMS.register_module()
class IRNConfidentLabels(LabelFromCAM):
    """Labels for IRN from two thresholds, each refined by a label CRF.

    Added key: ``pseudo_label`` (H, W), uint8: foreground where it passes the
    high threshold, background where it does not even pass the low one, 255
    between; see :func:`mmseg_wsss.pseudo_labels.irn_confident_label`.

    Args:
        foreground: Background score that a sure foreground exceeds, IRN's is
            0.30; with ``own_background`` a factor of the background, SIPE's
            is 1. Defaults to None, those.
        background: Background score that a sure background does not exceed,
            IRN's is 0.05; with ``own_background`` a factor, SIPE's is 0.5.
            Defaults to None, those.
        params: CRF parameters, see :class:`DenseCRFRefine`. Defaults to 'irn'.
        own_background: The scores have a background (SIPE's). Defaults to
            False.

    Raises:
        ImportError: If pydensecrf is missing.
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        foreground: float | None = None,
        background: float | None = None,
        params: str | dict = 'irn',
        own_background: bool = False,
    ) -> None:
        super().__init__(params)
        if foreground is None:
            foreground = 1.0 if own_background else 0.30
        if background is None:
            background = 0.5 if own_background else 0.05
        if not 0 <= background <= foreground <= 1:
            raise ValueError(
                'IRNConfidentLabels needs 0 <= background <= foreground <= 1, '
                f'got {background} and {foreground}'
            )
        self.foreground = foreground
        self.background = background
        self.own_background = own_background

    def _label(self, image: np.ndarray, cam: np.ndarray) -> np.ndarray:
        unit = 1.0
        if self.own_background:
            unit, cam = cam[0], cam[1:]
        return irn_confident_label(
            image,
            cam,
            self.foreground * unit,
            self.background * unit,
            params=self.params,
        )

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(foreground={self.foreground}, '
            f'background={self.background}, params={self.params}, '
            f'own_background={self.own_background})'
        )
