"""Cross-domain semantic decoupling (CSD): consistency under copy-paste.

Yang, Ke, Hancke, Lau, "Cross-domain Semantic Decoupling for Weakly-Supervised
Semantic Segmentation", BMVC 2023, Eqs. 2 to 6.

x_s is an image of one class, x_sm^fg a multi-label image with x_s's object
pasted in, x_sm^bg one with x_s's background pasted in. The network's maps M of
x_s teach (no gradient) what it should say of the same pixels elsewhere::

    L_fg = sum over cells of the object      KL(M_s || M_sm^fg)      (Eq. 3)
    L_bg = sum over cells of the background  KL(B_s || B_sm^bg)      (Eq. 5)
    B = [sum over classes of M, M']                                  (Eq. 4)
    L = L_cls + fg_weight L_fg + bg_weight L_bg                      (Eq. 6)

with a constant dummy score M'. Of Eq. 4 we had the text around it only, and
give what that says; Eq. 5 is printed with M_sm^fg.

Where the paper says nothing, or the author's unfinished snapshot differs:

* M is the class prediction score without post-processing (Eq. 2 and below
  Eq. 3): the CAM's logits, softmaxed over all classes. Their scale is free:
  the network lowers the KL by making all logits smaller, teacher's included,
  until objects no longer stand out. The snapshot scales each cell's classes to
  [0, 1] first, which leaves a nearly flat softmax and no such way out:
  ``min_max=True``, which our configs take. ``classes='union'`` takes the
  softmax over the classes of either image.
* All channels of the KL count. The snapshot keeps the object's class alone,
  so that the teacher's confusions do not teach, but its terms are of either
  sign: ``classes='own'`` compares that class with the rest, a KL again. The
  snapshot's tenfold score on the student's side, under which equal maps are
  punished, is not offered.
* The sum of Eq. 4 needs scores >= 0, which MCTformer's maps are and logits
  are not: those of absent classes lie far below 0, and with their sum ('none')
  every cell is certain background and nothing is learned. ``activation=
  'sigmoid'`` sums the classes' probabilities; 'relu' the positive logits,
  which have no bound: on the scenes the loss is then 60 times GAP's.
* ``saliency='channels'`` keeps the classes apart, [M, M'], as the snapshot.
* M' has no published value (snapshot: 0.1, for maps of another scale). 1 is
  what one certain class sums to.
* A cell counts if every pixel that it stands for was pasted. The snapshot
  also asks the teacher to be above the middle of the map's range;
  ``confidence=0.5`` asks for half of the map's maximum.
* Sum over cells, as printed, mean over pairs. The weights only mean something
  with the sum; ``reduction='mean'`` needs them some hundred times larger.
  The snapshot weighs cells by their entropy instead, which is not built.
* Pasted views get no classification loss; ``label_weight`` adds GAP's.
"""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...structures import (
    current_data_samples,
    current_segmentor,
    find_paste_views,
    foreground_indices,
)
from ...utils import check_option
from .base import check_finite
from .cells import REDUCTIONS, confident_cells, full_cells, reduce_cells
from .csd_views import NORMS, ViewPair, owning_head, view_logits
from .pooling_loss import pooling_loss

ACTIVATIONS = ('sigmoid', 'relu', 'none')
CLASSES = ('all', 'union', 'own')
SALIENCIES = ('sum', 'channels')


def kl_per_cell(teacher: Tensor, student: Tensor) -> Tensor:
    """KL divergence between softmaxes over the channels.

    Args:
        teacher: Scores (M, K, h, w); no gradient flows to it.
        student: Scores (M, K, h, w).

    Returns:
        Tensor: (M, h, w) >= 0 up to rounding, exactly 0 for equal scores.
    """
    target = teacher.detach().log_softmax(1)
    return (target.exp() * (target - student.log_softmax(1))).sum(1)


def foreground_consistency(
    teacher: Tensor,
    student: Tensor,
    mask: Tensor,
    temperature: float = 1.0,
    min_max: bool = False,
    classes: Tensor | None = None,
    own: Tensor | None = None,
    reduction: str = 'sum',
) -> Tensor:
    """L_fg of each pair (Eq. 3).

    Args:
        teacher: CAM logits (M, K, h, w) of the single image; no gradient.
        student: CAM logits (M, K, h, w) of the view with its object.
        mask: Bool (M, H, W), pixels of the object. Cells in it whole count.
        temperature: Divides the scores of both, > 0.
        min_max: Scale the classes of each cell to [0, 1] before.
        classes: Multi-hot (M, K), the classes in the softmax; None for all.
        own: One-hot (M, K), the object's class: compare its probability and
            that of all other classes together. None compares each class.
        reduction: 'sum' or 'mean' over the cells.

    Returns:
        Tensor: (M,) >= 0; 0 without a cell.

    Raises:
        ValueError: If shapes differ, or an option is out of range.
    """
    _check_maps(teacher, student)
    scores = [teacher.detach(), student]
    if min_max:
        scores = [_min_max(score) for score in scores]
    scores = [score / temperature for score in scores]
    if classes is not None:
        absent = classes[:, :, None, None] <= 0
        # Not -inf: 0 * inf would be NaN in the KL.
        scores = [score.masked_fill(absent, -1e30) for score in scores]
    if own is not None:
        scores = [_own_and_rest(score, own) for score in scores]
    cells = full_cells(mask, student.shape[2:])
    return reduce_cells(kl_per_cell(*scores), cells, reduction)


def background_consistency(
    teacher: Tensor,
    student: Tensor,
    mask: Tensor,
    dummy_score: float = 1.0,
    saliency: str = 'sum',
    activation: str = 'sigmoid',
    reduction: str = 'sum',
) -> Tensor:
    """L_bg of each pair (Eqs. 4 and 5).

    Args:
        teacher: CAM logits (M, K, h, w) of the single image; no gradient.
        student: CAM logits (M, K, h, w) of the view with its background.
        mask: Bool (M, H, W), pixels of the background. Cells in it whole
            count.
        dummy_score: M' of Eq. 4.
        saliency: 'sum' of the classes (Eq. 4), or all 'channels'.
        activation: 'sigmoid' or 'relu' of the logits, or 'none'.
        reduction: 'sum' or 'mean' over the cells.

    Returns:
        Tensor: (M,) >= 0; 0 without a cell.

    Raises:
        ValueError: If shapes differ, or an option is out of range.
    """
    _check_maps(teacher, student)
    check_option('saliency', saliency, SALIENCIES)
    check_option('activation', activation, ACTIVATIONS)
    scores = []
    for score in (teacher.detach(), student):
        if activation != 'none':
            score = (
                score.sigmoid() if activation == 'sigmoid' else score.relu()
            )
        if saliency == 'sum':
            score = score.sum(1, keepdim=True)
        dummy = torch.full_like(score[:, :1], dummy_score)
        scores.append(torch.cat([score, dummy], dim=1))
    cells = full_cells(mask, student.shape[2:])
    return reduce_cells(kl_per_cell(*scores), cells, reduction)


def _check_maps(teacher: Tensor, student: Tensor) -> None:
    if teacher.shape != student.shape or student.ndim != 4:
        raise ValueError(
            'CSDLoss compares logits (M, K, h, w) of one shape, got '
            f'{tuple(teacher.shape)} and {tuple(student.shape)}'
        )


def _own_and_rest(scores: Tensor, own: Tensor) -> Tensor:
    """Scores (M, 2, h, w) whose softmax is [p, 1 - p] of the own class."""
    own = own[:, :, None, None] > 0
    rest = scores.masked_fill(own, -1e30).logsumexp(1)
    return torch.stack([scores.masked_fill(~own, 0).sum(1), rest], dim=1)


def _min_max(scores: Tensor) -> Tensor:
    """Scale the classes of each cell to [0, 1]."""
    lowest = scores.amin(1, keepdim=True)
    span = scores.amax(1, keepdim=True) - lowest
    return (scores - lowest) / (span + 1e-4)


@MODELS.register_module()
class CSDLoss(nn.Module):
    """CSD's two consistency losses, beside a classification loss.

    The views come with the batch, from CSDDataset and CSDCopyPaste; the
    network runs on them when this loss is called, see
    :mod:`mmseg_wsss.models.losses.csd_views`::

        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss'),
            dict(type='mmseg_wsss.CSDLoss')]
        custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')]

    The loss is the mean over the batch's pairs, exactly 0 where there are
    none. Each pair costs one forward without gradient, and a training step on
    one or two pictures.

    Args:
        fg_weight (float): lambda_1 of Eq. 6. Defaults to 0.01.
        bg_weight (float): lambda_2 of Eq. 6. The paper finds that either
            alone helps little or harms. Defaults to 0.1.
        label_weight (float): Weight of the GAP loss of the pasted views, with
            merged labels. Defaults to 0.0.
        temperature (float): Of the foreground's softmax. Defaults to 1.0.
        min_max (bool): Scale the classes of each cell to [0, 1] before the
            foreground's softmax. Defaults to False.
        classes (str): Classes that the foreground's KL compares: 'all', the
            'union' of both images' labels, or the object's 'own' with the
            rest. Defaults to 'all'.
        dummy_score (float): M' of Eq. 4. Defaults to 1.0.
        saliency (str): 'sum' (Eq. 4) or 'channels'. Defaults to 'sum'.
        activation (str): 'sigmoid', 'relu' or 'none', of the logits that are
            summed. Defaults to 'sigmoid'.
        confidence (float): Foreground cells count where the teacher's map
            exceeds this share of its maximum, in [0, 1). Defaults to 0.0,
            all cells.
        reduction (str): 'sum' or 'mean' over the cells of a view. Defaults to
            'sum'.
        view_norm (str): Statistics of batch norms in training mode on the
            views: 'batch', 'running' or 'train', see
            :mod:`mmseg_wsss.models.losses.csd_views`. Defaults to 'batch'.
        background_index (int, optional): The data set's background class,
            None if there is none. Defaults to 0.
        loss_weight (float): Factor of the whole. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_csd'.

    Raises:
        ValueError: If an option is out of range.
    """

    awaits_paste_views = True

    def __init__(
        self,
        fg_weight: float = 0.01,
        bg_weight: float = 0.1,
        label_weight: float = 0.0,
        temperature: float = 1.0,
        min_max: bool = False,
        classes: str = 'all',
        dummy_score: float = 1.0,
        saliency: str = 'sum',
        activation: str = 'sigmoid',
        confidence: float = 0.0,
        reduction: str = 'sum',
        view_norm: str = 'batch',
        background_index: int | None = 0,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_csd',
    ):
        super().__init__()
        check_option('classes', classes, CLASSES)
        check_option('saliency', saliency, SALIENCIES)
        check_option('activation', activation, ACTIVATIONS)
        check_option('reduction', reduction, REDUCTIONS)
        check_option('view_norm', view_norm, NORMS)
        if min(fg_weight, bg_weight, label_weight) < 0:
            raise ValueError(
                'fg_weight, bg_weight and label_weight must be >= 0, got '
                f'{fg_weight}, {bg_weight} and {label_weight}'
            )
        if temperature <= 0:
            raise ValueError(f'temperature must be > 0, got {temperature}')
        if not 0 <= confidence < 1:
            raise ValueError(f'confidence is in [0, 1), got {confidence}')
        self.fg_weight = fg_weight
        self.bg_weight = bg_weight
        self.label_weight = label_weight
        self.temperature = temperature
        self.min_max = min_max
        self.classes = classes
        self.dummy_score = dummy_score
        self.saliency = saliency
        self.activation = activation
        self.confidence = confidence
        self.reduction = reduction
        self.view_norm = view_norm
        self.background_index = background_index
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    @property
    def kinds(self) -> tuple[str, ...]:
        """The pasted views that have a weight."""
        weights = {'foreground': self.fg_weight, 'background': self.bg_weight}
        return tuple(
            kind
            for kind, weight in weights.items()
            if weight > 0 or self.label_weight > 0
        )

    def forward(
        self,
        cam_logits: Tensor,
        seg_label: Tensor | None = None,
        image_labels: Tensor | None = None,
        views: dict[str, ViewPair] | None = None,
        **kwargs,
    ) -> Tensor:
        """Compute the loss.

        Args:
            cam_logits: Logits of the batch's images; only their gradient path
                is used.
            seg_label: Accepted as MMSeg's heads pass it, and not read.
            image_labels: Accepted as CAMHead passes it, and not read.
            views: The pairs to compare, by kind ('foreground',
                'background'). None runs the current segmentor on the views
                of the current batch.
            **kwargs: Accepted and ignored.

        Returns:
            Tensor: Scalar >= 0.

        Raises:
            ValueError: If shapes do not fit or a logit is not finite.
            RuntimeError: If no batch is current.
        """
        if views is None:
            views = self._run(current_segmentor('CSDLoss'))
        with torch.autocast(cam_logits.device.type, enabled=False):
            loss = cam_logits.flatten()[:0].float().sum()
            for kind, pair in views.items():
                loss = loss + self._of_kind(kind, self._foreground(pair))
        return self.loss_weight * loss

    def _run(self, segmentor: nn.Module) -> dict[str, ViewPair]:
        """Run the network on the views of the current batch."""
        views = find_paste_views(current_data_samples())
        if not views or not self.kinds:
            return {}
        head = owning_head(segmentor, self)
        return view_logits(segmentor, head, views, self.kinds, self.view_norm)

    def _foreground(self, pair: ViewPair) -> ViewPair:
        """Check a pair; bring it to float32 and to the foreground classes."""
        teacher, student = pair.teacher.detach(), pair.student
        _check_maps(teacher, student)
        channels, total = student.shape[1], pair.labels.shape[1]
        foreground = foreground_indices(total, self.background_index)
        if channels not in (total, len(foreground)):
            raise ValueError(
                f'CSDLoss got logits of {channels} channels and labels over '
                f'{total} classes, background_index={self.background_index}'
            )
        maps = []
        for logits in (teacher, student):
            if channels == total:
                logits = logits[:, foreground]
            if logits.dtype != torch.float64:
                logits = logits.float()
            check_finite('CSDLoss', logits)
            maps.append(logits)
        return ViewPair(
            *maps,
            pair.mask,
            pair.labels[:, foreground],
            pair.source_labels[:, foreground],
        )

    def _of_kind(self, kind: str, pair: ViewPair) -> Tensor:
        """Weighted loss of all pairs of one kind."""
        if kind == 'foreground':
            mask = pair.mask
            if self.confidence > 0:
                mask = full_cells(mask, pair.teacher.shape[2:])
                mask = mask & confident_cells(
                    pair.teacher, pair.source_labels, self.confidence
                )
            weight = self.fg_weight
            value = foreground_consistency(
                pair.teacher,
                pair.student,
                mask,
                self.temperature,
                self.min_max,
                pair.labels if self.classes == 'union' else None,
                pair.source_labels if self.classes == 'own' else None,
                self.reduction,
            )
        else:
            weight = self.bg_weight
            value = background_consistency(
                pair.teacher,
                pair.student,
                pair.mask,
                self.dummy_score,
                self.saliency,
                self.activation,
                self.reduction,
            )
        loss = weight * value.mean()
        if self.label_weight > 0:
            labels = pooling_loss(pair.student, pair.labels)
            loss = loss + self.label_weight * labels
        return loss

    def extra_repr(self) -> str:
        """Options that ``print(model)`` shows."""
        return (
            f'fg_weight={self.fg_weight}, bg_weight={self.bg_weight}, '
            f'dummy_score={self.dummy_score}, view_norm={self.view_norm!r}, '
            f'loss_weight={self.loss_weight}'
        )
