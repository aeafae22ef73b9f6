"""Cross-domain semantic decoupling (CSD): consistency under copy-paste.

Yang, Ke, Hancke, Lau, "Cross-domain Semantic Decoupling for Weakly-Supervised
Semantic Segmentation", BMVC 2023, https://papers.bmvc2023.org/0351.pdf.

x_s is an image of one class. x_sm^fg is a multi-label image with the object
of x_s pasted in, x_sm^bg one with the background of x_s pasted in. The class
scores M = F(x) (Eq. 2) of x_s, detached, are what the pasted views must
predict at the same pixels::

    L_fg = sum over the object's cells      KL(M_s || M_sm^fg)      (Eq. 3)
    B    = [sum over the classes of M, M']                          (Eq. 4)
    L_bg = sum over the background's cells  KL(B_s || B_sm^bg)      (Eq. 5)
    L    = L_cls + fg_weight L_fg + bg_weight L_bg                  (Eq. 6)

KL compares the softmaxes over the channels of a cell; M' is a constant. Where
the paper leaves a choice, M are the logits, Eq. 4 sums their sigmoids (the sum
of logits is far below 0 and saturates the softmax), a cell counts if all its
pixels were pasted, and the loss is the mean over the pairs.
configs/csd/README.md lists all choices.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor

from ...utils import check_option
from ..extra_views import NORMS
from .base import ImageLevelLoss, LossInputs
from .csd_views import ViewPair, full_cells, run_current_views

CLASSES = ('all', 'union', 'own')


def kl_over_cells(teacher: Tensor, student: Tensor, mask: Tensor) -> Tensor:
    """Sum the KL divergence of the channels' softmax over the cells of a mask.

    Args:
        teacher: Scores (M, K, h, w); no gradient flows to it.
        student: Scores (M, K, h, w).
        mask: Bool (M, H, W). Cells that it covers completely count.

    Returns:
        Tensor: (M,), >= 0 up to rounding; exactly 0 for equal scores or
        without a cell.
    """
    target = teacher.detach().log_softmax(1)
    kl = (target.exp() * (target - student.log_softmax(1))).sum(1)
    cells = full_cells(mask, student.shape[2:])
    return kl.where(cells, 0).sum((1, 2))


def foreground_consistency(
    teacher: Tensor,
    student: Tensor,
    mask: Tensor,
    min_max: bool = False,
    classes: Tensor | None = None,
    own: Tensor | None = None,
) -> Tensor:
    """Compute L_fg of each pair (Eq. 3).

    Args:
        teacher: Logits (M, K, h, w) of the single-label image, float32 or
            float64; no gradient flows to them.
        student: Logits (M, K, h, w) of the view with its object, same dtype.
        mask: Bool (M, H, W), the pixels of the object.
        min_max: Scale the classes of each cell to [0, 1] first.
        classes: Multi-hot (M, K), the classes in the softmax; None for all.
        own: One-hot (M, K), the object's class. If given, its probability is
            compared with that of all other classes together.

    Returns:
        Tensor: (M,) >= 0; 0 without a cell.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> teacher = torch.tensor([3.0, 1.0]).log().view(1, 2, 1, 1)
        >>> student = torch.zeros(1, 2, 1, 1)
        >>> foreground_consistency(teacher, student, torch.ones(1, 16, 16))
        tensor([0.1308])
    """
    _check_maps(teacher, student, mask)

    def scores(logits: Tensor) -> Tensor:
        if min_max:
            # The aminmax of torch 2.1 has no gradient.
            lowest = logits.amin(1, keepdim=True)
            highest = logits.amax(1, keepdim=True)
            logits = (logits - lowest) / (highest - lowest + 1e-4)
        if classes is not None:
            # Not -inf: 0 * inf in the KL would be NaN.
            absent = classes[:, :, None, None] <= 0
            logits = logits.masked_fill(absent, -1e30)
        if own is not None:  # the softmax of two scores is [p, 1 - p]
            is_own = own[:, :, None, None] > 0
            rest = logits.masked_fill(is_own, -1e30).logsumexp(1)
            own_score = logits.masked_fill(~is_own, 0).sum(1)
            logits = torch.stack([own_score, rest], dim=1)
        return logits

    return kl_over_cells(scores(teacher.detach()), scores(student), mask)


def background_consistency(
    teacher: Tensor, student: Tensor, mask: Tensor, dummy_score: float = 1.0
) -> Tensor:
    """Compute L_bg of each pair (Eqs. 4 and 5).

    Args:
        teacher: As for :func:`foreground_consistency`.
        student: Logits (M, K, h, w) of the view with the background.
        mask: Bool (M, H, W), the pixels of the background.
        dummy_score: M' of Eq. 4. Defaults to 1.0.

    Returns:
        Tensor: (M,) >= 0; 0 without a cell.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> low = torch.full((1, 2, 1, 1), -9.0)  # of a background
        >>> background_consistency(low, low + 9, torch.ones(1, 16, 16))
        tensor([0.1109])
    """
    _check_maps(teacher, student, mask)

    def scores(logits: Tensor) -> Tensor:
        saliency = logits.sigmoid().sum(1, keepdim=True)
        dummy = torch.full_like(saliency, dummy_score)
        return torch.cat([saliency, dummy], dim=1)  # Eq. 4

    return kl_over_cells(scores(teacher.detach()), scores(student), mask)


def _check_maps(teacher: Tensor, student: Tensor, mask: Tensor) -> None:
    """Check that there are two maps and a mask of the same M images."""
    if teacher.shape != student.shape or student.ndim != 4:
        raise ValueError(
            'CSDLoss compares logits (M, K, h, w) of one shape, got '
            f'{tuple(teacher.shape)} and {tuple(student.shape)}'
        )
    if mask.ndim != 3 or len(mask) != len(student):
        raise ValueError(
            f'CSDLoss needs a mask (M, H, W) with M = {len(student)}, got '
            f'{tuple(mask.shape)}'
        )


@MODELS.register_module()
class CSDLoss(ImageLevelLoss):
    """CSD's two consistency losses, beside a classification loss.

    The pasted views and their labels come with the batch, from
    :class:`CSDDataset` and :class:`CSDCopyPaste`; the loss runs the segmentor
    on them. It is the mean over the pairs of the batches of all ranks, and
    exactly 0 on a rank without any.

    Args:
        fg_weight (float): lambda_1 of Eq. 6. Defaults to 0.01.
        bg_weight (float): lambda_2 of Eq. 6. Defaults to 0.1.
        min_max (bool): Scale the classes of each cell to [0, 1] before the
            softmax of Eq. 3. Defaults to False.
        classes (str): Classes that Eq. 3 compares: 'all', the 'union' of both
            images' labels, or the object's 'own' with the rest. Defaults to
            'all'.
        dummy_score (float): M' of Eq. 4. Defaults to 1.0.
        view_norm (str): Statistics of batch norms in training mode on the
            views, 'batch' or 'running', see
            :mod:`mmseg_wsss.models.extra_views`. Defaults to 'batch'.
        loss_weight (float): Factor of the sum. Defaults to 1.0.
        loss_name (str, optional): Key in the log. Defaults to 'loss_csd'.

    Raises:
        ValueError: If an option is out of range.

    Example:
        >>> teacher = torch.tensor([4.0, -4.0]).view(1, 2, 1, 1)
        >>> student = torch.zeros(1, 2, 1, 1)
        >>> labels = torch.tensor([[1, 1, 1], [1, 1, 0]])  # pasted, single
        >>> mask = torch.ones(1, 16, 16, dtype=torch.bool)
        >>> pair = ViewPair(teacher, student, mask, labels[:1], labels[1:])
        >>> CSDLoss(fg_weight=1.0)(student, views=dict(foreground=pair))
        tensor(0.6901)
    """

    default_name = 'loss_csd'
    shown = (
        'fg_weight',
        'bg_weight',
        'min_max',
        'classes',
        'dummy_score',
        'view_norm',
    )
    awaits_paste_views = True

    def __init__(
        self,
        fg_weight: float = 0.01,
        bg_weight: float = 0.1,
        min_max: bool = False,
        classes: str = 'all',
        dummy_score: float = 1.0,
        view_norm: str = 'batch',
        loss_weight: float = 1.0,
        loss_name: str | None = None,
    ):
        super().__init__(loss_weight=loss_weight, loss_name=loss_name)
        check_option('classes', classes, CLASSES)
        check_option('view_norm', view_norm, NORMS)
        if min(fg_weight, bg_weight) < 0:
            raise ValueError(f'must be >= 0: {fg_weight=} and {bg_weight=}')
        self.fg_weight = fg_weight
        self.bg_weight = bg_weight
        self.min_max = min_max
        self.classes = classes
        self.dummy_score = dummy_score
        self.view_norm = view_norm

    @property
    def view_names(self) -> tuple[str, ...]:
        """Names of the pasted views whose loss has a weight."""
        weights = {'foreground': self.fg_weight, 'background': self.bg_weight}
        return tuple(name for name, weight in weights.items() if weight > 0)

    def forward(
        self,
        logits: Tensor,
        *args: Any,
        views: dict[str, ViewPair] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Compute the loss.

        Args:
            logits: Logits of the batch's images, for the gradient path only.
            *args: Not read.
            views: Pairs by name ('foreground', 'background'). None runs the
                current segmentor on the current batch's views.
            **kwargs: Not read.

        Returns:
            Tensor: Scalar >= 0.
        """
        if views is None:  # here, so that the network runs under autocast
            views = run_current_views(self, self.view_names, self.view_norm)
        return super().forward(logits, *args, views=views, **kwargs)

    def compute(
        self, inputs: LossInputs, views: dict[str, ViewPair], **kwargs: Any
    ) -> Tensor:
        """Compute the weighted sum of L_fg and L_bg (Eq. 6)."""
        loss = inputs.logits.flatten()[:0].sum()  # 0 with a gradient path
        pairs = max((len(pair.mask) for pair in views.values()), default=0)
        pairs = loss.new_full((), pairs)
        all_reduce(pairs, 'mean')  # gradients are averaged over the ranks
        for name, pair in views.items():
            pair = pair.foreground()
            maps = pair.teacher, pair.student, pair.mask
            if name == 'foreground':
                value = foreground_consistency(
                    *maps,
                    min_max=self.min_max,
                    classes=pair.labels if self.classes == 'union' else None,
                    own=pair.source_labels if self.classes == 'own' else None,
                )
                loss = loss + self.fg_weight * value.sum() / pairs
            else:
                value = background_consistency(*maps, self.dummy_score)
                loss = loss + self.bg_weight * value.sum() / pairs
        return loss
