r"""Image labels that a linear classifier over the other images contradicts.

Every image is scored by a ridge regression of the labels on the features of
all other images. The fit without an image has a closed form (Rifkin and
Lippert, `Notes on Regularized Least Squares
<https://dspace.mit.edu/handle/1721.1/37318>`_), so that no image is scored by
a fit that has seen its label, and nothing is drawn at random:

.. math::
    s_{ik} = y_{ik} - \frac{y_{ik} - f_k(x_i)}{1 - h_i} \tag{1}

with the fit :math:`f_k` to the labels :math:`y_{ik}` of class k on all images
and the leverages :math:`h_i`. A logistic curve for each class turns scores
into probabilities (`Platt scaling
<https://www.csie.ntu.edu.tw/~cjlin/papers/plattprob.pdf>`_):

.. math::
    \ell_{ik} = \log \frac{p_{ik}}{1 - p_{ik}} = a_k s_{ik} + b_k \tag{2}

The log odds that a label is wrong, up to a constant, if as many of the
:math:`n_k` images with class k have it by mistake as of the :math:`m_k`
others lack it by mistake:

.. math::
    d_{ik} &= -\ell_{ik} - \log m_k \quad (y_{ik} = 1) \\
    d_{ik} &= \ell_{ik} - \log n_k \quad (y_{ik} = 0) \tag{3}

cleanlab ranks by the probability of the given label (self-confidence,
`Thyagarajan et al. <https://arxiv.org/abs/2211.13895>`_). That puts images
with a rare class first, as its probabilities are low; Eq. 3 does not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Ridge penalties to choose from, in units of the mean eigenvalue.
PENALTIES = 10.0 ** np.arange(-3, 3.5, 0.5)
_STEPS, _TOLERANCE = 100, 1e-8


class LabelDoubts(NamedTuple):
    """How likely it is that labels are wrong.

    Attributes:
        scores: Probability of each class by the other images, (N, K). NaN
            for a class that fewer than two images have, or lack.
        doubts: Eq. 3, (N, K); -inf where the score speaks for the label, or
            is NaN.
    """

    scores: np.ndarray
    doubts: np.ndarray

    def ranked(self) -> np.ndarray:
        """Return image and class of the doubted labels, (M, 2), worst first.

        Equal doubts are in the order of images and classes.
        """
        pairs = np.argwhere(np.isfinite(self.doubts))
        order = np.argsort(-self.doubts[tuple(pairs.T)], kind='stable')
        return pairs[order]


def label_doubts(features: np.ndarray, labels: np.ndarray) -> LabelDoubts:
    """Compute which labels the features of the other images contradict.

    Args:
        features: One vector per image, (N, D), finite.
        labels: Multi-hot labels (N, K) of the foreground classes.

    Returns:
        LabelDoubts: Scores and doubts, float64.

    Raises:
        ValueError: If shapes do not fit, or a feature is not finite.

    Example:
        >>> features = np.array([[0.0], [0.1], [0.2], [1.0], [0.9], [0.1]])
        >>> labels = np.array([[0], [0], [0], [1], [1], [1]])
        >>> label_doubts(features, labels).ranked()[0].tolist()
        [5, 0]
    """
    features = np.asarray(features, dtype=np.float64)
    labels = np.asarray(labels)
    if features.ndim != 2 or labels.ndim != 2 or len(features) != len(labels):
        raise ValueError(
            'expected features (N, D) and labels (N, K), got '
            f'{features.shape} and {labels.shape}'
        )
    if not np.isfinite(features).all():
        raise ValueError('a feature is not finite')
    return doubts_by_scores(leave_one_out_scores(features, labels > 0), labels)


def doubts_by_scores(scores: np.ndarray, labels: np.ndarray) -> LabelDoubts:
    """Compute which labels out-of-sample scores contradict.

    Args:
        scores: Scores (N, K) by networks that have not seen the label of the
            image, finite; the higher the likelier, of any scale.
        labels: Multi-hot labels (N, K) of the foreground classes.

    Returns:
        LabelDoubts: Scores and doubts, float64.
    """
    given = np.asarray(labels) > 0
    present, absent = given.sum(0), (~given).sum(0)
    logits = np.full(given.shape, np.nan)
    for k in np.flatnonzero((present >= 2) & (absent >= 2)):
        logits[:, k] = platt_logits(scores[:, k], given[:, k])
    with np.errstate(divide='ignore', over='ignore'):
        doubts = np.where(  # Eq. 3
            given, -logits - np.log(absent), logits - np.log(present)
        )
        evidence = logits - np.log(present / absent)
        probabilities = 1 / (1 + np.exp(-logits))
    against = np.where(given, evidence < 0, evidence > 0)
    return LabelDoubts(probabilities, np.where(against, doubts, -np.inf))


def leave_one_out_scores(
    features: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Compute the ridge regression of all other images at each image.

    The features are standardised. Each class has the penalty of
    :data:`PENALTIES` with the smallest error of these scores.

    Args:
        features: (N, D), float.
        labels: (N, K), 0 and 1.

    Returns:
        np.ndarray: Scores (N, K), float64, Eq. 1. Constant features give
        the mean label of the other images.
    """
    y = np.asarray(labels, dtype=np.float64)
    x = features - features.mean(0)
    spread = x.std(0)
    x = x[:, spread > 0] / spread[spread > 0]
    if not x.shape[1]:
        x = np.zeros((len(y), 1))
    values, vectors = np.linalg.eigh(x.T @ x)
    values = values.clip(min=0)
    x = x @ vectors
    moments = x.T @ (y - y.mean(0))
    squares = x**2
    scores, least = np.empty_like(y), np.full(y.shape[1], np.inf)
    for penalty in PENALTIES * max(values.mean(), 1e-12):
        fit = y.mean(0) + x @ (moments / (values + penalty)[:, None])
        leverage = 1 / len(y) + squares @ (1 / (values + penalty))
        errors = (y - fit) / (1 - leverage)[:, None]  # Eq. 1
        mean = (errors**2).mean(0)
        better = mean < least
        least[better] = mean[better]
        scores[:, better] = (y - errors)[:, better]
    return scores


def platt_logits(scores: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Compute the log odds of a class by its scores, Eq. 2.

    The slope and the intercept are those of the largest likelihood, found by
    Newton's method, with the targets of Platt, which are not quite 0 and 1.

    Args:
        scores: (N,), the higher the more likely.
        given: Labels (N,), bool, of both kinds.

    Returns:
        np.ndarray: Log odds (N,). Scores that do not rise with the labels
        give the log odds of the labels everywhere.
    """
    present, absent = given.sum(), (~given).sum()
    prior = np.log(present / absent)
    spread = scores.std()
    if not spread:
        return np.full(len(scores), prior)
    target = np.where(given, (present + 1) / (present + 2), 1 / (absent + 2))
    x = np.stack([(scores - scores.mean()) / spread, np.ones(len(scores))], 1)
    weights = np.array([0.0, prior])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (p - target)
        step = np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]), gradient)
        decrement = np.sqrt(gradient @ step)
        weights -= step / (1 + decrement)
        if decrement < _TOLERANCE:
            break
    return x @ weights if weights[0] > 0 else np.full(len(scores), prior)
