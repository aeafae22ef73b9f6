"""Importance sampling loss on binomial posteriors (ISL).

Jonnarth, Zhang, Felsberg, "High-fidelity Pseudo-labels for Boosting
Weakly-Supervised Segmentation", WACV 2024, Eqs. 14 to 18. The multinomial
variant is its predecessor, "Importance Sampling CAMs for Weakly-Supervised
Segmentation", ICASSP 2022 (Eqs. 5 to 8 here).

Averaging a CAM over the image (GAP) teaches every cell of it, also where the
object is not; taking its maximum (GMP) teaches the most telling part only.
ISL draws cells in proportion to their posterior and applies the
classification loss to each drawn cell.

Where paper and published code differ, or say nothing:

* The loss of a drawn probability is computed from its logit, as in the code:
  equal, and finite for every finite logit.
* Cells are drawn from Eq. 15 itself, formed from log-probabilities. The code
  adds 1e-5 to each probability to keep their sum positive, which evens out
  the draw for classes that are nowhere.
* No gradient flows through the draw, as in the code.
* Eq. 5 needs a class for the background. A head without one has the
  background logit 0, so that both posteriors agree for a single class.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import check_option
from .foreground import (
    POSTERIORS,
    Foreground,
    foreground_inputs,
    log_posterior,
)
from .pooling_loss import POOLINGS, pooling_loss


def draw_cells(
    log_prob: Tensor,
    num_samples: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw cells in proportion to the posterior (Eqs. 6 and 15).

    Args:
        log_prob: Log-posterior (N, K, h, w).
        num_samples: Cells per image and class, with replacement.
        generator: Random generator; None takes PyTorch's global one.

    Returns:
        Tensor: Flat cell indices (N, K, num_samples), int64.
    """
    n, k = log_prob.shape[:2]
    prob = log_prob.detach().flatten(2).softmax(-1).flatten(0, 1)
    cells = torch.multinomial(
        prob, num_samples, replacement=True, generator=generator
    )
    return cells.view(n, k, num_samples)


def cell_logits(
    inputs: Foreground, cells: Tensor, posterior: str = 'binomial'
) -> Tensor:
    """Return the log-odds of each class at its drawn cells.

    Args:
        inputs: Logits (N, K, h, w), and the background's.
        cells: Flat cell indices (N, K, S).
        posterior: 'binomial': the logit itself. 'multinomial': s_c minus the
            log-sum-exp of the other classes and the background.

    Returns:
        Tensor: (N, K, S), whose sigmoid is the posterior at the cell.
    """
    if posterior == 'binomial':
        return inputs.logits.flatten(2).gather(2, cells)
    n, k, s = cells.shape
    both = torch.cat([inputs.logits, inputs.background], dim=1).flatten(2)
    index = cells.view(n, 1, k * s).expand(-1, k + 1, -1)
    drawn = both.gather(2, index).view(n, k + 1, k, s)
    own = torch.eye(k + 1, k, dtype=torch.bool, device=drawn.device)
    own = own[None, :, :, None]
    others = drawn.masked_fill(own, float('-inf')).logsumexp(1)
    return drawn.masked_fill(~own, 0).sum(1) - others


def importance_sampling_loss(
    inputs: Foreground,
    num_samples: int = 10,
    posterior: str = 'binomial',
    generator: torch.Generator | None = None,
) -> Tensor:
    """Multi-sample importance sampling loss (Eqs. 8 and 18).

    Args:
        inputs: Logits (N, K, h, w) and labels (N, K), see
            ``foreground_inputs``.
        num_samples: N of Eq. 18.
        posterior: 'binomial' (Eq. 14) or 'multinomial' (Eq. 5).
        generator: Random generator; None takes PyTorch's global one.

    Returns:
        Tensor: Scalar, the mean over images, classes and samples.
    """
    log_prob = log_posterior(inputs, posterior)
    cells = draw_cells(log_prob, num_samples, generator)
    logits = cell_logits(inputs, cells, posterior)
    labels = inputs.labels[:, :, None].expand_as(logits)
    return F.binary_cross_entropy_with_logits(logits, labels)


@MODELS.register_module()
class BinomialISL(nn.Module):
    """Classification loss with importance sampling (Eq. 16).

    ``(1 - isl_weight) * pooling loss + isl_weight * ISL``. It takes the place
    of GAPLoss in a CAMHead, or stands beside the cross-entropy of an ordinary
    head::

        loss_decode=dict(type='mmseg_wsss.BinomialISL')

    The draw follows PyTorch's global generator: a seeded run repeats it.

    Args:
        num_samples (int): Cells per image and class. Defaults to 10.
        isl_weight (float): lambda of Eq. 16 in [0, 1]; 0 is the pooling loss
            alone, 1 ISL alone. For AdamW and larger steps the paper "scales
            down" ISL by 0.1 without a word on the other part: we read that
            as 0.02, so that both add up to 1. Defaults to 0.2.
        posterior (str): 'binomial' (Eq. 14) or 'multinomial' (Eq. 5).
            Defaults to 'binomial'.
        pooling (str): Pooling of the other part, 'gap' or 'gmp'. Defaults to
            'gap'.
        background_index (int, optional): The data set's background class,
            None if there is none. Defaults to 0.
        loss_weight (float): Factor of the whole. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_isl'.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        num_samples: int = 10,
        isl_weight: float = 0.2,
        posterior: str = 'binomial',
        pooling: str = 'gap',
        background_index: int | None = 0,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_isl',
    ):
        super().__init__()
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
        self.background_index = background_index
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    def forward(
        self,
        cam_logits: Tensor,
        seg_label: Tensor | None = None,
        image_labels: Tensor | None = None,
        **kwargs,
    ) -> Tensor:
        """Compute the loss.

        Args:
            cam_logits: Raw CAM (N, K, h, w) of the foreground classes, or
                logits (N, C, h, w) with a background channel, any float
                dtype; computed in float32 at least.
            seg_label: Accepted as MMSeg's heads pass it, and not read.
            image_labels: Multi-hot (N, K) over the foreground. None asks the
                current batch.
            **kwargs: Accepted and ignored.

        Returns:
            Tensor: Scalar >= 0.

        Raises:
            ValueError: If shapes do not fit or a logit is not finite.
            RuntimeError: If there are no image labels.
        """
        with torch.autocast(cam_logits.device.type, enabled=False):
            inputs = foreground_inputs(
                'BinomialISL', cam_logits, image_labels, self.background_index
            )
            loss = 0
            if self.isl_weight < 1:
                pooled = pooling_loss(
                    inputs.logits, inputs.labels, self.pooling
                )
                loss = loss + (1 - self.isl_weight) * pooled
            if self.isl_weight > 0:
                sampled = importance_sampling_loss(
                    inputs, self.num_samples, self.posterior
                )
                loss = loss + self.isl_weight * sampled
        return self.loss_weight * loss

    def extra_repr(self) -> str:
        """Options that ``print(model)`` shows."""
        return (
            f'num_samples={self.num_samples}, isl_weight={self.isl_weight}, '
            f'posterior={self.posterior!r}, pooling={self.pooling!r}, '
            f'loss_weight={self.loss_weight}'
        )
