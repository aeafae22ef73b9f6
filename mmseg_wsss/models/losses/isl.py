r"""Importance sampling loss on binomial posteriors (ISL).

Jonnarth, Zhang, Felsberg, "High-fidelity Pseudo-labels for Boosting
Weakly-Supervised Segmentation", WACV 2024, https://arxiv.org/abs/2304.02621.
The multinomial variant (Eqs. 5 to 8) is from "Importance Sampling CAMs for
Weakly-Supervised Segmentation", ICASSP 2022, https://arxiv.org/abs/2203.12459.

Global average pooling teaches every location of a CAM, also where the object
is not; global maximum pooling the most discriminative one only. ISL samples
locations I in proportion to their posterior and applies the classification
loss at each:

.. math::
    P(I^c = i) = \frac{\sigma(s_i^c)}{\sum_j \sigma(s_j^c)}, \qquad
    L = \frac{1}{NC} \sum_{n=1}^{N} \sum_{c=1}^{C}
    \mathrm{BCE}\big(\sigma(s_{I_n^c}^c), y^c\big) \tag{15, 18}

Losses are computed from logits, as in the published code. It adds 1e-5 to
each probability before sampling; here Eq. 15 is formed from log-probabilities
instead. No gradient flows through the sampling, as there. A head without a
background channel has the background logit 0 in Eq. 5, so that both
posteriors agree for a single class.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...utils import check_option
from .base import ClassLogits, ImageLevelLoss, LossInputs
from .pooling_loss import POOLINGS, pooling_loss

POSTERIORS = ('binomial', 'multinomial')


def log_posterior(inputs: ClassLogits, posterior: str) -> Tensor:
    """Compute the log-probability of each class at each location.

    Args:
        inputs: Foreground logits, and the background's for 'multinomial'.
        posterior: 'binomial' is the sigmoid of Eq. 14, 'multinomial' the
            softmax of Eq. 5 over foreground and background.

    Returns:
        Tensor: (N, K, h, w) <= 0.
    """
    if posterior == 'binomial':
        return F.logsigmoid(inputs.logits)  # Eq. 14
    both = torch.cat([inputs.background, inputs.logits], dim=1)
    return both.log_softmax(1)[:, 1:]  # Eq. 5


def sample_locations(log_prob: Tensor, num_samples: int) -> Tensor:
    """Sample locations in proportion to the posterior (Eqs. 6 and 15).

    Args:
        log_prob: Log-posterior (N, K, h, w).
        num_samples: Locations per image and class, with replacement.

    Returns:
        Tensor: Flat indices (N, K, num_samples), int64.
    """
    n, k = log_prob.shape[:2]
    # NaN would stop a GPU in multinomial: it is drawn, and makes the loss NaN.
    finite = log_prob.detach().flatten(2).nan_to_num(nan=100.0)
    prob = finite.softmax(-1).flatten(0, 1)
    index = torch.multinomial(prob, num_samples, replacement=True)
    return index.view(n, k, num_samples)


def sampled_logits(
    inputs: ClassLogits, index: Tensor, posterior: str = 'binomial'
) -> Tensor:
    """Return the log-odds of each class at its sampled locations.

    Args:
        inputs: Logits (N, K, h, w), and the background's.
        index: Flat indices (N, K, S).
        posterior: 'binomial': the logit itself. 'multinomial': s_c minus the
            log-sum-exp of the other classes and the background.

    Returns:
        Tensor: (N, K, S), whose sigmoid is the posterior there.
    """
    if posterior == 'binomial':
        return inputs.logits.flatten(2).gather(2, index)
    n, k, s = index.shape
    both = torch.cat([inputs.logits, inputs.background], dim=1).flatten(2)
    index = index.view(n, 1, k * s).expand(-1, k + 1, -1)
    sampled = both.gather(2, index).view(n, k + 1, k, s)
    own = torch.eye(k + 1, k, dtype=torch.bool, device=sampled.device)
    own = own[None, :, :, None]
    others = sampled.masked_fill(own, float('-inf')).logsumexp(1)
    return sampled.masked_fill(~own, 0).sum(1) - others


def importance_sampling_loss(
    inputs: ClassLogits, num_samples: int = 10, posterior: str = 'binomial'
) -> Tensor:
    """Compute the multi-sample importance sampling loss (Eqs. 8 and 18).

    Args:
        inputs: Logits (N, K, h, w), labels (N, K) and background logits.
        num_samples: N of Eq. 18.
        posterior: 'binomial' (Eq. 14) or 'multinomial' (Eq. 5).

    Returns:
        Tensor: Scalar, the mean over images, classes and samples.

    Example:
        >>> cam = torch.tensor([[[[-9.0, 2.0]]]])  # one class, two locations
        >>> background = torch.zeros(1, 1, 1, 2)
        >>> inputs = ClassLogits(cam, torch.ones(1, 1), background)
        >>> _ = torch.manual_seed(0)
        >>> importance_sampling_loss(inputs)
        tensor(0.1269)
    """
    log_prob = log_posterior(inputs, posterior)
    index = sample_locations(log_prob, num_samples)  # Eq. 15
    logits = sampled_logits(inputs, index, posterior)
    labels = inputs.labels[:, :, None].expand_as(logits)
    return F.binary_cross_entropy_with_logits(logits, labels)  # Eq. 18


@MODELS.register_module()
class BinomialISL(ImageLevelLoss):
    """Classification loss with importance sampling (Eq. 16).

    ``(1 - isl_weight) * pooling loss + isl_weight * ISL``. It takes the place
    of GAPLoss in a CAMHead, or is used beside the cross-entropy of an
    ordinary head::

        loss_decode=dict(type='mmseg_wsss.BinomialISL')

    Sampling uses PyTorch's global generator: a seeded run repeats it.

    Args:
        num_samples (int): Locations per image and class. Defaults to 10.
        isl_weight (float): lambda of Eq. 16 in [0, 1]. For SIPE (larger
            learning rate) and MCTformer (AdamW) the paper scales ISL by 0.1:
            about 0.02. Defaults to 0.2.
        posterior (str): 'binomial' (Eq. 14) or 'multinomial' (Eq. 5).
            Defaults to 'binomial'.
        pooling (str): Pooling of the other part, 'gap' or 'gmp'. Defaults to
            'gap'.
        **kwargs: See :class:`ImageLevelLoss`.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> cam = torch.full((1, 1, 2, 2), 2.0)
        >>> BinomialISL()(cam, image_labels=torch.tensor([[1, 1]]))
        tensor(0.1269)
    """

    default_name = 'loss_isl'
    shown = ('num_samples', 'isl_weight', 'posterior', 'pooling')

    def __init__(
        self,
        num_samples: int = 10,
        isl_weight: float = 0.2,
        posterior: str = 'binomial',
        pooling: str = 'gap',
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_option('posterior', posterior, POSTERIORS)
        check_option('pooling', pooling, POOLINGS)
        if num_samples < 1:
            raise ValueError(f'num_samples must be >= 1, got {num_samples}')
        if not 0 <= isl_weight <= 1:
            raise ValueError(f'isl_weight is in [0, 1], got {isl_weight}')
        self.num_samples = num_samples
        self.isl_weight = isl_weight
        self.posterior = posterior
        self.pooling = pooling

    def compute(self, inputs: LossInputs, **kwargs) -> Tensor:
        """Compute Eq. 16 over the foreground classes."""
        classes = inputs.foreground()
        loss = 0
        if self.isl_weight < 1:
            pooled = pooling_loss(classes.logits, classes.labels, self.pooling)
            loss = loss + (1 - self.isl_weight) * pooled
        if self.isl_weight > 0:
            sampled = importance_sampling_loss(
                classes, self.num_samples, self.posterior
            )
            loss = loss + self.isl_weight * sampled
        return loss
