"""Refinement steps on scores that need neither the image nor a network."""

from __future__ import annotations

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...pseudo_labels.cam import EPS, background_score
from ...structures.labels import IGNORE_LABEL
from ...utils import check_option
from .keys import label_of_scores, require, required_background

SCALES = ('class', 'joint')


@TRANSFORMS.register_module()
class NormaliseScores(BaseTransform):
    """Divide scores by their maximum in the image.

    Changed key: ``scores`` (K, H, W), then in [0, 1].

    Args:
        over: 'joint' divides all classes by one maximum, as IRN does after
            its walk; 'class' each class by its own. Defaults to 'joint'.

    Raises:
        ValueError: If ``over`` is unknown.
    """

    def __init__(self, over: str = 'joint') -> None:
        check_option('over', over, SCALES)
        self.over = over

    def transform(self, results: dict) -> dict:
        """Normalise ``scores``; without any class they stay empty."""
        scores = require(results, 'scores', self)
        if scores.size:
            axes = (0, 1, 2) if self.over == 'joint' else (1, 2)
            highest = scores.max(axes, keepdims=True)
            results['scores'] = scores / (highest + np.float32(EPS))
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(over='{self.over}')"


@TRANSFORMS.register_module()
class PowerScores(BaseTransform):
    """Raise scores to a power, which weakens the low ones (AdvCAM).

    Changed key: ``scores`` (K, H, W) in [0, 1].

    Args:
        power: The exponent, positive. AdvCAM takes 1.5 before IRN's walk.

    Raises:
        ValueError: If ``power`` is not positive.
    """

    def __init__(self, power: float) -> None:
        if not power > 0:
            raise ValueError(f'power must be positive, got {power}')
        self.power = power

    def transform(self, results: dict) -> dict:
        """Change ``scores``; without any class they stay empty."""
        scores = require(results, 'scores', self)
        results['scores'] = scores**self.power
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(power={self.power})'


@TRANSFORMS.register_module()
class AddBackground(BaseTransform):
    """Add a background score before the foreground scores.

    Changed keys: ``scores``, (K, H, W) in [0, 1], becomes (1 + K, H, W), and
    ``score_classes`` likewise.

    Args:
        constant: The score of every pixel, where ``alpha`` is None (IRN takes
            0.25 after its walk). Defaults to 0.3.
        alpha: If given, the score is (1 - max over classes) ** alpha (PSA).

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        constant: float = 0.3,
        alpha: float | None = None,
    ) -> None:
        if not 0 <= constant <= 1 or (alpha is not None and not alpha > 0):
            raise ValueError(
                'AddBackground takes a constant in [0, 1] or an alpha > 0, '
                f'got constant={constant}, alpha={alpha}'
            )
        self.constant = constant
        self.alpha = alpha

    def transform(self, results: dict) -> dict:
        """Add the background's row.

        Raises:
            ValueError: If there is one already, or the data set has none.
        """
        scores = require(results, 'scores', self)
        classes = results['score_classes']
        index = required_background(results, self)
        if index in classes:
            raise ValueError('the scores have a background already')
        if len(scores):
            background = background_score(
                torch.from_numpy(scores), self.constant, self.alpha
            ).numpy()
        else:  # nothing but background
            background = np.ones((1, *scores.shape[1:]), np.float32)
        results['scores'] = np.concatenate([background, scores])
        results['score_classes'] = np.insert(classes, 0, index)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(constant={self.constant}, '
            f'alpha={self.alpha})'
        )


@TRANSFORMS.register_module()
class ScoresToLabel(BaseTransform):
    """Set each pixel's label to its best class.

    Added key: ``pseudo_label`` (H, W), uint8, over the classes in use.

    Args:
        min_score: Pixels whose best score is below get the label 255, to be
            ignored in training. Defaults to 0, none.
    """

    def __init__(self, min_score: float = 0.0) -> None:
        self.min_score = min_score

    def transform(self, results: dict) -> dict:
        """Add ``pseudo_label``.

        Raises:
            ValueError: If there is no class to choose from.
        """
        scores = require(results, 'scores', self)
        label = label_of_scores(scores, results['score_classes'])
        if self.min_score > 0:
            label[scores.max(0) < self.min_score] = IGNORE_LABEL
        results['pseudo_label'] = label
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(min_score={self.min_score})'
