r"""Complementing of debiased labels while a segmentor trains (MARS).

Jo, Yu and Kim, "MARS: Model-agnostic Biased Object Removal without Additional
Supervision for Weakly-Supervised Semantic Segmentation", ICCV 2023, Sec. 3.4,
https://arxiv.org/abs/2304.09913. There is no public code.

A teacher, the moving average of the segmentor, predicts the probabilities
P^. After a refinement R their best class Y^te fills the biased pixels of the
debiased label Y^db, and the certain mask W weights the cross-entropy:

.. math::

    W(y, x) &= \max_{c \in C_I} \hat{P}(c, y, x)
        \text{ if } Y^{db}(y, x) = -1 \text{ else } 1        && (6) \\
    L_{WCE} &= -\sum_{c} \sum_{y, x} W \cdot O[Y^{co}] \log P    && (7)

Eq. 7 is MMSeg's ``CrossEntropyLoss(avg_non_ignore=True)`` with the weights of
:class:`mmseg_wsss.PixelWeightSampler`: divided by the number of pixels that
are not 255, as a sum would tie the learning rate to the crop, and a division
by the sum of W would cancel the weights.

Choices where the paper is silent (the others: configs/mars/README.md):

* R is "e.g. CRF": a DenseCRF on the CPU, or the local refiner on any device.
* W is computed from P^, before R, over the image's foreground classes. It is
  near 0 where the teacher is sure of the background, and exactly 0 in an
  image without a foreground label (maximum of an empty set).
* Y^te may be a class that is not in the image's labels, unless restricted.

>>> import torch
>>> biased_label = torch.tensor([[[0, 254]]])  # Y^db: (N, H, W) = (1, 1, 2)
>>> probabilities = torch.tensor([0.2, 0.7, 0.1]).view(1, 3, 1, 1)
>>> label, weights = complement_batch(
...     biased_label,
...     probabilities.expand(1, 3, 1, 2),
...     torch.zeros(1, 3, 1, 2),
...     image_labels=torch.tensor([[1, 1, 0]]),
...     refine=None,
... )
>>> label.tolist(), weights.tolist()
([[[0, 1]]], [[[1.0, 0.699999988079071]]])
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..structures import foreground_indices
from ..structures.labels import BIASED_LABEL
from ..utils import check_option
from .dense_crf import crf_from_scores
from .pixel_adaptive import pixel_adaptive_refine

REFINERS = ('local', 'crf', None)
# The settings that RS+EPM and DHR (same first author) use on softmax
# probabilities.
CRF_PRESET = 'stego'
SLACK = 1e-3  # rounding error of a probability


@torch.no_grad()
def complement_batch(
    label: Tensor,
    probabilities: Tensor,
    images: Tensor,
    image_labels: Tensor | None = None,
    refine: str | None = 'local',
    restrict_to_labels: bool = False,
    background_index: int | None = 0,
) -> tuple[Tensor, Tensor | None]:
    """Complete the debiased labels of a batch: Y^co and W.

    Args:
        label: Debiased labels Y^db (N, H, W), integer, 254 where biased.
        probabilities: The teacher's P^ (N, C, H, W), float, in [0, 1].
        images: What the teacher saw (N, 3, H, W), RGB, float, in [0, 1].
        image_labels: Multi-hot (N, C) over all classes. None: no W.
        refine: See :func:`teacher_label`.
        restrict_to_labels: Choose Y^te among the image's labels and the
            background only; needs ``image_labels``.
        background_index: The background's class index, None if there is none.

    Returns:
        tuple: Y^co, new labels of the shape and dtype of ``label``; W
        (N, H, W), float32, in [0, 1], or None.

    Raises:
        ValueError: If shapes or options do not fit.
        ImportError: If 'crf' finds no pydensecrf.
    """
    weights = candidates = None
    if image_labels is not None:
        biased = label == BIASED_LABEL
        weights = certain_mask(
            probabilities, image_labels, biased, background_index
        )
    if restrict_to_labels:
        if image_labels is None:
            raise ValueError('restrict_to_labels=True needs image_labels')
        candidates = image_labels > 0
        if background_index is not None:
            candidates[:, background_index] = True
    best = teacher_label(probabilities, images, refine, candidates)
    return complement_label(label, best), weights


def complement_label(label: Tensor, teacher: Tensor) -> Tensor:
    """Return labels with the biased pixels filled by the teacher: Y^co.

    Args:
        label: Debiased labels Y^db of any shape, integer, 254 where biased
            (-1 in the paper).
        teacher: The teacher's labels Y^te of the same shape, integer.

    Returns:
        Tensor: New labels, of the shape and dtype of ``label``.

    Raises:
        ValueError: If the shapes differ.
    """
    if label.shape != teacher.shape:
        raise ValueError(
            f"the teacher's labels must be {tuple(label.shape)} as the "
            f'debiased ones, got {tuple(teacher.shape)}'
        )
    biased = label == BIASED_LABEL
    return torch.where(biased, teacher.to(label), label)  # Y^co


def certain_mask(
    probabilities: Tensor,
    image_labels: Tensor,
    biased: Tensor,
    background_index: int | None = 0,
) -> Tensor:
    """Compute the teacher's certainty at biased pixels: W of Eq. 6.

    Args:
        probabilities: The teacher's, not refined (N, C, H, W), any float
            dtype, in [0, 1].
        image_labels: Multi-hot (N, C) over all classes.
        biased: Bool (N, H, W), the biased pixels.
        background_index: This class never counts. None where the data set has
            no background.

    Returns:
        Tensor: (N, H, W), float32, in [0, 1]: at biased pixels the largest
        probability of the image's foreground classes, elsewhere 1.

    Raises:
        ValueError: If shapes do not fit or ``background_index`` is no class.
    """
    n, c, height, width = probabilities.shape
    if image_labels.shape != (n, c):
        raise ValueError(
            f'image_labels must be ({n}, {c}) for probabilities '
            f'{tuple(probabilities.shape)}, got {tuple(image_labels.shape)}: '
            'labels run over all classes of the head, background included'
        )
    if biased.shape != (n, height, width) or biased.dtype != torch.bool:
        raise ValueError(
            f'biased must be a bool mask {(n, height, width)}, got '
            f'{biased.dtype} {tuple(biased.shape)}'
        )
    foreground_indices(c, background_index)  # checks the index
    absent = image_labels <= 0
    if background_index is not None:
        absent[:, background_index] = True
    certainty = probabilities.float().masked_fill(absent[..., None, None], 0)
    return torch.where(biased, certainty.amax(1), 1)  # Eq. 6


@torch.no_grad()
def teacher_label(
    probabilities: Tensor,
    images: Tensor,
    refine: str | None = 'local',
    candidates: Tensor | None = None,
    **options,
) -> Tensor:
    """Return the best class of the refined probabilities: Y^te.

    Images are refined one by one, which bounds the memory, and only in the
    classes that can win: one that is nowhere in the image above 1 / C cannot
    after the local refiner, whose means sum to 1 over the classes. A DenseCRF
    could in principle raise such a class; DHR drops classes up to 0.05, too.

    Args:
        probabilities: The teacher's (N, C, H, W), float, which sum to 1.
        images: What it saw (N, 3, H, W), RGB, float, in [0, 1].
        refine: 'local' is :func:`pixel_adaptive_refine`, 'crf' a DenseCRF on
            the CPU, None no refinement.
        candidates: Bool (N, C), the only classes to choose from. None means
            all.
        **options: Of :func:`pixel_adaptive_refine`, for 'local' only.

    Returns:
        Tensor: Labels (N, H, W), int64; the first class wins a tie.

    Raises:
        ValueError: If a shape or an option does not fit, or an image has no
            candidate.
        ImportError: If 'crf' finds no pydensecrf.
    """
    check_option('refine', refine, REFINERS)
    if options and refine != 'local':
        raise ValueError(
            f"{', '.join(options)}: only refine='local' has options"
        )
    n, c, height, width = probabilities.shape
    listed = (n, c) if candidates is None else tuple(candidates.shape)
    if len(images) != n or listed != (n, c):
        raise ValueError(
            f'probabilities {tuple(probabilities.shape)} need {n} images and '
            f'candidates of shape ({n}, {c}), got {len(images)} and {listed}'
        )
    scores = probabilities.float()
    if not torch.isfinite(scores).all():
        raise ValueError(
            "the teacher's probabilities are not finite: has the training "
            'diverged, or half precision overflowed?'
        )
    if candidates is None:
        candidates = scores.amax((2, 3)) >= 1 / c - SLACK
    labels = scores.new_empty((n, height, width), dtype=torch.long)
    for index in range(n):
        rows = candidates[index].nonzero().flatten()
        if not len(rows):
            raise ValueError('there is an image without a candidate class')
        refined = refine_image(
            scores[index, rows], images[index], refine, **options
        )
        labels[index] = rows[refined.argmax(0).to(rows.device)]
    return labels


def refine_image(
    scores: Tensor, image: Tensor, refine: str | None, **options
) -> Tensor:
    """Refine the scores (K, H, W) of one image; see :func:`teacher_label`."""
    if refine == 'local':
        return pixel_adaptive_refine(scores[None], image[None], **options)[0]
    if refine == 'crf':
        pixels = (image * 255).round().byte().permute(1, 2, 0)
        marginals = crf_from_scores(
            pixels.contiguous().cpu().numpy(),
            scores.cpu().numpy(),
            CRF_PRESET,
        )
        return torch.from_numpy(marginals)
    return scores
