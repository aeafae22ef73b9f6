"""DenseCRF: sharpen class scores, or a label map, along the image's edges.

Krähenbühl and Koltun, "Efficient Inference in Fully Connected CRFs with
Gaussian Edge Potentials", NeurIPS 2011, https://arxiv.org/abs/1210.5644. The
mean-field inference is that of pydensecrf, an optional package (``pip install
"mmseg_wsss[crf]"``), imported when it is first needed. It holds Python's GIL:
use processes, not threads.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from types import ModuleType

import numpy as np

from .crf_params import CRFParams, crf_params

LOWEST_SCORE = 1e-5  # the lowest score: an energy of 11.5
GT_PROB = 0.7  # how far a label map is trusted, as pydensecrf's gt_prob
SLACK = 1e-3  # how far rounding may carry a score out of [0, 1]


def require_pydensecrf() -> ModuleType:
    """Import pydensecrf, for an early and clear error where it is missing.

    Returns:
        ModuleType: ``pydensecrf.densecrf``.

    Raises:
        ImportError: If it cannot be imported; names the commands that install
            it.
    """
    try:
        return importlib.import_module('pydensecrf.densecrf')
    except ImportError as error:
        raise ImportError(
            'DenseCRF needs pydensecrf. Install it with pip install '
            '"mmseg_wsss[crf]" or pip install pydensecrf2==1.1 (it is built '
            f'with g++ and Python.h, half a minute). Reason: {error}'
        ) from error


class DenseCRF:
    """The DenseCRF of one image, for any number of unaries.

    The lattice of the kernels is built once, so that several unaries with the
    same number of labels, such as the backgrounds of PSA's two alphas or
    IRN's foreground and background labels, share it. The results are bit for
    bit those of fresh objects.

    Args:
        image: RGB image (H, W, 3), uint8.
        num_labels: K, at least 1.
        params: Settings, see :func:`crf_params`.

    Raises:
        ValueError: If the image or a setting is wrong.
        ImportError: If pydensecrf is missing.
    """

    def __init__(
        self,
        image: np.ndarray,
        num_labels: int,
        params: str | CRFParams | Mapping = 'psa',
    ):
        _check_image(image)
        if num_labels < 1:
            raise ValueError(
                f'a DenseCRF needs at least one label, got {num_labels}'
            )
        self.params = crf_params(params)
        self.shape = (num_labels, *image.shape[:2])
        module = require_pydensecrf()
        self._crf = None
        if num_labels == 1 or not image.size:
            return  # nothing to infer
        height, width = image.shape[:2]
        self._crf = module.DenseCRF2D(width, height, num_labels)
        if self.params.gaussian_compat:
            self._crf.addPairwiseGaussian(
                sxy=float(self.params.gaussian_sxy),
                compat=float(self.params.gaussian_compat),
            )
        if self.params.bilateral_compat:
            self._crf.addPairwiseBilateral(
                sxy=float(self.params.bilateral_sxy),
                srgb=float(self.params.bilateral_srgb),
                # pydensecrf takes no read-only array, as PIL's are
                rgbim=np.require(image, requirements=['C', 'W']),
                compat=float(self.params.bilateral_compat),
            )

    def marginals(self, unary: np.ndarray) -> np.ndarray:
        """Run the mean-field inference.

        Args:
            unary: Energies (K, H, W), negative log probabilities up to a
                constant per pixel, finite, any real dtype.

        Returns:
            np.ndarray: Marginal probabilities (K, H, W), float32, which sum
            to 1 over the labels. One label alone has 1 everywhere.

        Raises:
            ValueError: If the shape differs or a value is not finite.
        """
        if unary.shape != self.shape:
            raise ValueError(
                f'the unary must be (K, H, W) = {self.shape}, as the image '
                f'and the number of labels say, got {unary.shape}'
            )
        _check_finite(unary, 'unary')
        if self._crf is None:
            return np.ones(self.shape, dtype=np.float32)
        flat = np.ascontiguousarray(
            unary.reshape(len(unary), -1), dtype=np.float32
        )
        self._crf.setUnaryEnergy(flat)
        inferred = self._crf.inference(self.params.iterations)
        return np.array(inferred, dtype=np.float32, order='C').reshape(
            self.shape
        )


def scores_to_unary(scores: np.ndarray) -> np.ndarray:
    """Convert scores to energies: -log(clip(score, 1e-5, 1)).

    Args:
        scores: Scores (K, H, W) in [0, 1], any real dtype.

    Returns:
        np.ndarray: Energies (K, H, W), float32, in [0, 11.52].

    Raises:
        ValueError: If a score is not finite or outside [0, 1].
    """
    _check_finite(scores, 'scores')
    if scores.size and not (
        scores.min() >= -SLACK and scores.max() <= 1 + SLACK
    ):
        raise ValueError(
            'scores of a DenseCRF lie in [0, 1], got values from '
            f'{scores.min():.3g} to {scores.max():.3g}: pass probabilities '
            'or normalised CAMs, not logits'
        )
    return -np.log(np.clip(scores.astype(np.float32), LOWEST_SCORE, 1))


def labels_to_unary(labels: np.ndarray, num_labels: int) -> np.ndarray:
    """Convert a label map to energies.

    The given label of a pixel has -log(0.7), any other
    -log(0.3 / (num_labels - 1)).

    Args:
        labels: Labels (H, W), integer, in [0, num_labels).
        num_labels: K.

    Returns:
        np.ndarray: Energies (K, H, W), float32; zeros where K is 1.

    Raises:
        ValueError: If a label is out of range.
    """
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            'labels of a DenseCRF must be an integer map (H, W), got '
            f'{labels.dtype} {labels.shape}'
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < num_labels):
        raise ValueError(
            f'labels of a DenseCRF must be in [0, {num_labels}), got '
            f'{labels.min()} to {labels.max()}: map the classes of the image '
            'to 0, 1, ... first; there is no label to ignore'
        )
    others = (1 - GT_PROB) / (num_labels - 1) if num_labels > 1 else 1.0
    own = GT_PROB if num_labels > 1 else 1.0
    hit = np.arange(num_labels)[:, None, None] == labels
    return np.where(hit, -math.log(own), -math.log(others)).astype(np.float32)


def crf_from_scores(
    image: np.ndarray,
    scores: np.ndarray,
    params: str | CRFParams | Mapping = 'psa',
) -> np.ndarray:
    """Refine class scores with a DenseCRF.

    The unary is -log(clip(score, 1e-5, 1)) and nothing is renormalised: PSA
    (CVPR 2018) feeds its background score beside normalised CAMs, which do
    not sum to 1.

    Pass the rows of the candidate classes only. That takes half the time for
    4 of 21 rows, and the best label is the same but for ties (1 in 375,000
    pixels of two photographs): an absent class has score 0, thus the clip's
    1e-5, at every pixel. A label gains by the support of pixels that already
    hold it; such a class has next to none anywhere, so that its marginal
    stays near 0 and it takes next to nothing from the candidates.

    Args:
        image: RGB image (H, W, 3), uint8.
        scores: Scores (K, H, W) of the candidates in [0, 1], any real dtype.
        params: Settings, see :func:`crf_params`.

    Returns:
        np.ndarray: Marginal probabilities (K, H, W), float32, which sum to 1
        over the K rows; ones for a single row.

    Raises:
        ValueError: If shapes, dtype or values do not fit.
        ImportError: If pydensecrf is missing.
    """
    _check_image(image)
    if scores.ndim != 3 or scores.shape[1:] != image.shape[:2]:
        raise ValueError(
            f'scores must be (K, H, W) of the size of the image '
            f'{image.shape[:2]}, got {scores.shape}: resize them first'
        )
    crf = DenseCRF(image, len(scores), params)
    return crf.marginals(scores_to_unary(scores))


def _check_image(image: np.ndarray) -> None:
    if (
        getattr(image, 'dtype', None) != np.uint8
        or image.ndim != 3
        or image.shape[2] != 3
    ):
        raise ValueError(
            'a DenseCRF needs a colour image (H, W, 3), RGB, uint8, got '
            f'{getattr(image, "dtype", type(image).__name__)} '
            f'{getattr(image, "shape", "")}: convert it, a grey one by '
            'repeating its channel'
        )


def _check_finite(values: np.ndarray, name: str) -> None:
    wrong = np.count_nonzero(~np.isfinite(values))
    if wrong:
        raise ValueError(
            f'{name} of a DenseCRF must be finite, but {wrong} of '
            f'{values.size} values are NaN or infinite'
        )
