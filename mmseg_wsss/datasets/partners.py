"""Which single-label image is pasted into which image (CSD, BMVC 2023).

Yang et al., "Cross-domain Semantic Decoupling for Weakly-Supervised Semantic
Segmentation", Section 3.2 and Eq. 1. Images of one class are the source
domain, images of several the target domain. For a target with classes c the
partner's class j is drawn in proportion to sum_c P[c, j], with::

    P[i, j] = N[i, j] / sum_k N[i, k]                                  (Eq. 1)

then one of that class's single-label images, each as likely as the other.

Where the paper says nothing, or the author's snapshot differs:

* N[i, i]: single-label images of the class, as in the snapshot. Only so does
  a class with "more single-label domain samples" become more likely, as the
  paper has it. The count of all its images, or 0, are options.
* Counts start at 1, as in the snapshot.
* The snapshot takes softmax(0.1 N) over each row in place of Eq. 1. With
  counts in the hundreds this is one class per row: an option.
* A class without single-label images cannot be drawn, whatever its weight.
  ``min_partners`` raises the bar: by VOC's counts each of its 21 single-label
  tables would be pasted some ten times an epoch.
"""

from __future__ import annotations

import numpy as np

from ..utils import check_option
from .label_files.load import cooccurrence, single_label_counts

FORMS = ('linear', 'softmax')
DIAGONALS = ('single', 'all', 'zero')
RESAMPLINGS = ('cooccurrence', 'uniform')


def partner_prior(
    labels: np.ndarray,
    form: str = 'linear',
    diagonal: str = 'single',
    smoothing: float = 1.0,
    temperature: float = 0.1,
) -> np.ndarray:
    """Prior correlation P of classes (Eq. 1).

    Args:
        labels: Multi-hot labels (L, K) over the foreground classes.
        form: 'linear' (Eq. 1), or 'softmax' of ``temperature`` times counts.
        diagonal: N[i, i] counts the 'single'-label images of the class,
            'all' its images, or is 'zero'.
        smoothing: Added to every count.
        temperature: Factor of the counts in the softmax.

    Returns:
        np.ndarray: (K, K), float64 in [0, 1]; rows sum to 1. A row without
        any count is 0 if 'linear', uniform if 'softmax'.

    Raises:
        ValueError: If an option is out of range.
    """
    check_option('form', form, FORMS)
    check_option('diagonal', diagonal, DIAGONALS)
    if smoothing < 0:
        raise ValueError(f'smoothing must be >= 0, got {smoothing}')
    labels = np.asarray(labels) > 0
    counts = cooccurrence(labels).astype(np.float64)
    if diagonal != 'all':
        alone = single_label_counts(labels)
        np.fill_diagonal(counts, alone if diagonal == 'single' else 0)
    counts += smoothing
    if form == 'softmax':
        counts = temperature * counts
        counts = np.exp(counts - counts.max(1, keepdims=True))
    return counts / np.maximum(counts.sum(1, keepdims=True), 1e-300)


class Partners:
    """The single-label images of a data set, and the draw of one.

    Args:
        labels: Multi-hot labels (L, K) over the foreground classes.
        resampling: 'cooccurrence' is the paper's; 'uniform' takes any
            single-label image, the paper's "plain copy-paste".
        min_partners: Classes with fewer single-label images are not drawn.
        **prior: Options of :func:`partner_prior`.

    Attributes:
        counts: Single-label images of each class (K,), int64.
        num_labels: Foreground classes of each image (L,), int64.
        usable: Which classes can be drawn (K,), bool.

    Raises:
        ValueError: If an option is out of range, or no class can be drawn.
    """

    def __init__(
        self,
        labels: np.ndarray,
        resampling: str = 'cooccurrence',
        min_partners: int = 1,
        **prior,
    ):
        check_option('resampling', resampling, RESAMPLINGS)
        if min_partners < 1:
            raise ValueError(f'min_partners must be >= 1, got {min_partners}')
        self.labels = np.asarray(labels) > 0
        self.resampling = resampling
        self.num_labels = self.labels.sum(1)
        single = (self.num_labels == 1)[:, None] & self.labels
        self._images = [np.flatnonzero(column) for column in single.T]
        self.counts = single.sum(0)
        self.usable = self.counts >= min_partners
        if not self.usable.any():
            raise ValueError(
                f'no class has {min_partners} or more single-label images, '
                'of which CSD takes what it pastes: look at the label file, '
                'or lower min_partners'
            )
        self.prior = partner_prior(self.labels, **prior)

    def class_weights(self, label: np.ndarray) -> np.ndarray:
        """Tell how likely each class is to be pasted into an image.

        Args:
            label: Multi-hot label (K,) of the image.

        Returns:
            np.ndarray: (K,), float64, sums to 1; 0 for classes that cannot
            be drawn. If the image's classes occur with none that can, it is
            as if ``resampling`` were 'uniform'.
        """
        weights = self.prior[np.asarray(label) > 0].sum(0) * self.usable
        if self.resampling == 'uniform' or not weights.sum() > 0:
            weights = self.counts * self.usable
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
