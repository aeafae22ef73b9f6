"""The single-label image that CSD pastes into an image.

Yang et al., "Cross-domain Semantic Decoupling for Weakly-Supervised Semantic
Segmentation", BMVC 2023, Section 3.2. Images of one class are the source
domain, images of several classes the target domain. For a target with classes
c the class j of the partner is drawn in proportion to sum_c P[c, j], with::

    P[i, j] = N[i, j] / sum_k N[i, k]                                  (Eq. 1)

and the partner uniformly from the single-label images of class j. N[i, j]
counts the images with both classes, N[i, i] the single-label images of class
i, so that a class with more of them is more likely, as the paper says. Counts
start at 1. A class without single-label images is never drawn.
"""

from __future__ import annotations

import numpy as np

from ..utils import check_option
from .label_files.load import cooccurrence, single_label_counts

RESAMPLINGS = ('cooccurrence', 'uniform')


def partner_prior(labels: np.ndarray) -> np.ndarray:
    """Return the prior correlation P of classes (Eq. 1).

    Args:
        labels: Multi-hot labels (L, K) over the foreground classes.

    Returns:
        np.ndarray: (K, K), float64 in (0, 1); rows sum to 1.

    Example:
        >>> partner_prior([[1, 0], [1, 0], [1, 1]])
        array([[0.6       , 0.4       ],
               [0.66666667, 0.33333333]])
    """
    labels = np.asarray(labels) > 0
    counts = cooccurrence(labels).astype(np.float64)
    np.fill_diagonal(counts, single_label_counts(labels))
    counts += 1
    return counts / counts.sum(1, keepdims=True)  # Eq. 1


class Partners:
    """The single-label images of a data set, and the draw of one.

    Args:
        labels: Multi-hot labels (L, K) over the foreground classes.
        resampling: 'cooccurrence' (Eq. 1), or 'uniform', any single-label
            image, the paper's plain copy-paste.

    Attributes:
        counts: Single-label images of each class (K,), int64.
        num_labels: Foreground classes of each image (L,), int64.

    Raises:
        ValueError: If the option is unknown, or no image has a single label.
    """

    def __init__(self, labels: np.ndarray, resampling: str = 'cooccurrence'):
        check_option('resampling', resampling, RESAMPLINGS)
        self.labels = np.asarray(labels) > 0
        self.resampling = resampling
        self.num_labels = self.labels.sum(1)
        single = (self.num_labels == 1)[:, None] & self.labels
        self._images = [np.flatnonzero(column) for column in single.T]
        self.counts = single.sum(0)
        if not self.counts.any():
            raise ValueError(
                'no image has a single label, and CSD pastes from such images '
                'only: check the label file and the image list'
            )
        self.prior = partner_prior(self.labels)

    def class_weights(self, label: np.ndarray) -> np.ndarray:
        """Return the probability of each class to be pasted into an image.

        Args:
            label: Multi-hot label (K,) of the image, with at least one class.

        Returns:
            np.ndarray: (K,), float64, sums to 1; 0 for classes without
            single-label images.
        """
        weights = self.counts
        if self.resampling == 'cooccurrence':
            sums = self.prior[np.asarray(label) > 0].sum(0)
            weights = sums * (self.counts > 0)
        return weights / weights.sum()

    def draw(self, index: int) -> int:
        """Draw a partner with NumPy's global generator.

        Args:
            index: Position of the target in ``labels``.

        Returns:
            int: Position of a single-label image.
        """
        weights = self.class_weights(self.labels[index])
        images = self._images[np.random.choice(len(weights), p=weights)]
        return int(images[np.random.randint(len(images))])
