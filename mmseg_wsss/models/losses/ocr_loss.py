r"""Out-of-candidate rectification (OCR).

Cheng et al., "Out-of-Candidate Rectification for Weakly Supervised Semantic
Segmentation", CVPR 2023, https://arxiv.org/abs/2211.12268

The *candidates* of an image are its image labels and the background,
:math:`S \cup \{bg\}`. A pixel predicted as another class is *out of candidate*
(OC, Eq. 5). There, the candidates near the best one are raised above all other
classes :math:`G_{oc}` (Eq. 10) by a margin :math:`\Delta`. With the logits z,
their softmax P and the co-occurrence M (Eq. 7):

.. math::
    A &= \arg\max_{k \in S \cup \{bg\}} z^k, \quad
    G_{ic} = \{k \in S \cup \{bg\} : P^A - P^k M_{A,k} < t\} && (8, 9) \\
    \ell &= \log\Big(1 + \sum_{k \in G_{ic}} e^{-z^k}
                        \sum_{l \in G_{oc}} e^{z^l + \Delta}\Big)
         = \mathrm{softplus}\big(\mathrm{LSE}_{ic}(-z) +
                                 \mathrm{LSE}_{oc}(z) + \Delta\big) && (19)

configs/ocr/README.md says what was chosen where the paper's equations and
algorithms differ. The loss is the mean over all valid pixels, OC or not.
"""

from __future__ import annotations

import os

import numpy as np
import torch
import torch.nn.functional as F
from mmseg.models.losses.utils import weight_reduce_loss
from mmseg.registry import MODELS
from torch import Tensor

from ...structures import foreground_indices
from ...utils import check_option, is_compiling
from .base import ImageLevelLoss, LossInputs

GROUPS = ('adaptive', 'all', 'anchor')
PIXELS = ('oc', 'ic', 'all')
FILTERED = ('dropped', 'zeroed')
PRIOR_NORMS = ('joint', 'conditional')


def ocr_loss(
    seg_logits: Tensor,
    image_labels: Tensor,
    valid: Tensor | None = None,
    prior: Tensor | None = None,
    margin: float = 2.0,
    threshold: float = 0.2,
    group: str = 'adaptive',
    pixels: str = 'oc',
    background_index: int | None = 0,
    filtered: str = 'dropped',
) -> Tensor:
    """Compute the rectification loss of every pixel (Eqs. 5, 8 to 10, 19).

    Args:
        seg_logits: Logits (N, C, ...), float32 or float64.
        image_labels: Multi-hot (N, C) over the classes of the logits.
        valid: Bool mask (N, ...) of the pixels that count. None means all.
        prior: M of Eq. 9, (C, C) in [0, 1]; None means ones.
        margin: Delta of Eq. 19, in logits.
        threshold: t of Eq. 9, in probability.
        group: Candidates in G_ic: 'adaptive' (Eq. 9), the 'anchor' or 'all'.
        pixels: Rectify 'oc' pixels (Eq. 5), the others ('ic') or 'all' (the
            paper's Table 4b).
        background_index: A candidate of every image; None without background.
        filtered: Candidates outside G_ic are 'dropped' from the sum (Eq. 19),
            or their logits are 'zeroed', and each adds e^0 = 1 (Alg. 2).

    Returns:
        Tensor: Loss (N, ...) >= 0, 0 where all classes are candidates or none.

    Raises:
        ValueError: If shapes or options do not fit.

    Example:
        >>> logits = torch.tensor([0.5, 1.25]).view(1, 2, 1, 1)
        >>> ocr_loss(logits, torch.tensor([[1.0, 0.0]]))  # log(1 + e^2.75)
        tensor([[[2.8120]]])
    """
    check_option('group', group, GROUPS)
    check_option('pixels', pixels, PIXELS)
    check_option('filtered', filtered, FILTERED)
    n, c = seg_logits.shape[:2]
    if c < 2 or image_labels.shape != (n, c):
        raise ValueError(
            'OCRLoss needs logits (N, C, ...), background included, C > 1 (a '
            'binary head: out_channels=2), and image labels (N, C), got '
            f'{(*seg_logits.shape,)} and {(*image_labels.shape,)}'
        )
    if prior is not None and prior.shape != (c, c):
        raise ValueError(f'prior must be ({c}, {c}), got {(*prior.shape,)}')
    foreground_indices(c, background_index)  # checks the index
    candidate = (image_labels > 0).to(seg_logits.device)[:, :, None]
    if background_index is not None:
        candidate[:, background_index] = True
    z = seg_logits.flatten(2)
    rectified = _select(z.detach(), candidate, pixels)
    if valid is not None:
        rectified = rectified & valid.flatten(1)
    options = prior, margin, threshold, group, filtered
    if n and z.is_cpu and not is_compiling():  # only the selected pixels
        maps = []
        for logits, *masks in zip(z, candidate, rectified, strict=True):
            index = masks[1].nonzero().squeeze(1)
            loss = _rectify(logits.index_select(1, index), masks[0], *options)
            maps.append(loss.new_zeros(z.shape[2]).index_put((index,), loss))
        loss = torch.stack(maps)
    else:  # a GPU need not wait for the number of selected pixels
        loss = _rectify(z, candidate, *options).masked_fill(~rectified, 0)
    return loss.view(n, *seg_logits.shape[2:])


def _rectify(
    z, candidate, prior, margin, threshold, group, filtered
) -> Tensor:
    """Compute Eq. 19 of logits (..., C, P) with candidates (..., C, 1)."""
    lowest = torch.finfo(z.dtype).min
    anchor = torch.where(candidate, z, lowest).max(-2, keepdim=True)[1]  # (8)
    if group == 'all':
        keep = candidate.expand_as(z)
    elif group == 'anchor':
        keep = torch.zeros_like(z, dtype=torch.bool).scatter(-2, anchor, True)
    else:  # Eq. 9
        p = similar = z.detach().softmax(-2)
        if prior is not None:
            similar = p * prior.to(p)[anchor.squeeze(-2)].transpose(-1, -2)
        keep = candidate & (p.gather(-2, anchor) - similar < threshold)
        keep = keep.scatter(-2, anchor, True)
    rest = lowest
    if filtered == 'zeroed':  # Alg. 2
        rest = torch.zeros_like(z).masked_fill(~candidate, lowest)
    lse_ic = torch.where(keep, -z, rest).logsumexp(-2)
    lse_oc = torch.where(candidate, lowest, z).logsumexp(-2)  # Eq. 10
    return F.softplus(lse_ic + lse_oc + margin, threshold=40)  # Eq. 19


def _select(z: Tensor, candidate: Tensor, pixels: str) -> Tensor:
    """Return the pixels to rectify (N, P), bool (Eq. 5)."""
    split = candidate.any(1) & ~candidate.all(1)  # there are both groups
    if pixels == 'all':
        return split.expand(-1, z.shape[2])
    best = torch.where(candidate, z, torch.finfo(z.dtype).min).amax(1)
    inside = best >= z.amax(1)  # a tie is in candidate, a NaN is not
    return split & (inside if pixels == 'ic' else ~inside)


def prior_correlation(
    counts: Tensor | np.ndarray, num_images: int, norm: str = 'joint'
) -> Tensor:
    """Compute the prior correlation M from co-occurrence counts (Eq. 7).

    Args:
        counts: N[k, l] (C, C), the number of images with both classes.
        num_images: L, the number of images.
        norm: 'joint' is Eq. 7, M = N / L (on VOC below 0.05 between
            foreground classes); 'conditional' is P(l | k) = N[k, l] / N[k, k].

    Returns:
        Tensor: M (C, C), float32 in [0, 1]. Rows of unseen classes are 0.

    Raises:
        ValueError: If ``norm`` is unknown or ``counts`` is not square.
    """
    check_option('prior_norm', norm, PRIOR_NORMS)
    counts = torch.as_tensor(counts).double()
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f'counts must be (C, C), got {(*counts.shape,)}')
    if norm == 'joint':
        return (counts / max(num_images, 1)).float()
    return (counts / counts.diagonal().clamp(min=1e-12)[:, None]).float()


@MODELS.register_module()
class OCRLoss(ImageLevelLoss):
    """Out-of-candidate rectification loss for any MMSeg head.

    It is used beside the cross-entropy (Eq. 4; alpha is ``loss_weight``),
    with ``WeakSupervisionHook`` in ``custom_hooks``::

        loss_decode=[
            dict(type='CrossEntropyLoss', avg_non_ignore=True),
            dict(type='mmseg_wsss.OCRLoss', prior='auto')]

    Args:
        margin, threshold, group, pixels, filtered: See :func:`ocr_loss`.
        prior (None | array | str): M of Eq. 9: None means ones; an array
            N[k, l] / L (C, C) or a ``.npy`` file of it, which ``prior_norm``
            is applied to; 'auto' counts the training set's image labels.
        prior_norm (str): See :func:`prior_correlation`. Defaults to 'joint'.
        **kwargs: See :class:`ImageLevelLoss`.

    Examples:
        >>> logits = torch.tensor([0.5, 1.25]).view(1, 2, 1, 1)
        >>> OCRLoss()(logits, image_labels=torch.tensor([[1, 0]]))
        tensor(2.8120)
    """

    default_name = 'loss_ocr'
    shown = 'margin', 'threshold', 'group', 'pixels', 'filtered', 'prior_norm'

    def __init__(
        self,
        margin: float = 2.0,
        threshold: float = 0.2,
        group: str = 'adaptive',
        pixels: str = 'oc',
        prior=None,
        prior_norm: str = 'joint',
        filtered: str = 'dropped',
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_option('group', group, GROUPS)
        check_option('pixels', pixels, PIXELS)
        check_option('filtered', filtered, FILTERED)
        check_option('prior_norm', prior_norm, PRIOR_NORMS)
        self.margin, self.threshold = margin, threshold
        self.group, self.pixels = group, pixels
        self.filtered = filtered
        self.prior_norm = prior_norm
        # Not a buffer: EMAHook copies the model before 'auto' is counted, and
        # pairs buffers by position.
        self.prior: Tensor | None = None
        counted = isinstance(prior, str) and prior == 'auto'
        self.awaits_cooccurrence = counted and group == 'adaptive'
        if prior is not None and not counted:
            self.prior = prior_correlation(_read_prior(prior), 1, prior_norm)

    def set_cooccurrence(self, counts: np.ndarray, num_images: int) -> None:
        """Set the prior from counts, see :func:`prior_correlation`."""
        self.prior = prior_correlation(counts, num_images, self.prior_norm)
        self.awaits_cooccurrence = False

    def compute(
        self,
        inputs: LossInputs,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        **kwargs,
    ) -> Tensor:
        """Compute the mean loss over the valid pixels, weighted or not."""
        if self.awaits_cooccurrence:
            raise RuntimeError(
                "OCRLoss(prior='auto') has no counts: add WeakSupervisionHook "
                'to custom_hooks, or call set_cooccurrence(counts, num_images)'
            )
        z, valid = inputs.logits, inputs.valid
        if self.prior is not None:
            self.prior = self.prior.to(z.device)
        if weight is not None and weight.shape != valid.shape:
            raise ValueError(
                f'weight must be {(*valid.shape,)}, got {(*weight.shape,)}'
            )
        loss = ocr_loss(
            z,
            inputs.image_labels,
            valid,
            self.prior,
            self.margin,
            self.threshold,
            self.group,
            self.pixels,
            inputs.background_index,
            self.filtered,
        )
        reduction = reduction_override or 'mean'
        if reduction == 'mean' and avg_factor is None:
            avg_factor = valid.sum()
        return weight_reduce_loss(loss, weight, reduction, avg_factor)


def _read_prior(prior) -> np.ndarray:
    """Return joint frequencies (C, C), float64, of an array or ``.npy``."""
    path = prior if isinstance(prior, str | os.PathLike) else None
    try:
        prior = np.asarray(prior if path is None else np.load(path), float)
    except (OSError, TypeError, ValueError) as error:  # TypeError: .npz
        name = path or 'array'
        raise ValueError(f'prior {name} cannot be read: {error}') from error
    if not ((prior >= 0) & (prior <= 1)).all():
        raise ValueError('prior must be joint frequencies in [0, 1], Eq. 7')
    return prior
