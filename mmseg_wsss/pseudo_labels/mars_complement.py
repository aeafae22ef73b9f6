"""Complementing of debiased labels while a segmentor trains (MARS).

Jo, Yu and Kim, "MARS: Model-agnostic Biased Object Removal without Additional
Supervision for Weakly-Supervised Semantic Segmentation", ICCV 2023, Sec. 3.4.
There is no public code. The debiased labels themselves are made by
:mod:`mmseg_wsss.pseudo_labels.mars`.

A teacher, the moving average of the segmentor, predicts P^ for the batch.
After a refinement R its best class Y^te fills the biased pixels
(:func:`teacher_label`, :func:`complement_label`), and the certain mask W
(Eq. 6, :func:`certain_mask`) weights the cross-entropy there::

    L_WCE = - sum over c and pixels of W onehot(Y^co)_c log P_c        (Eq. 7)

What the paper leaves open, and what we take:

* Eq. 7 is a plain sum, with which the learning rate would depend on the crop
  and the batch. Ours is divided by the number of valid pixels, those that are
  not 255. Dividing by the sum of W would cancel the down-weighting: an image
  whose pixels all have W = 0.1 would learn as one with W = 1. This is what
  MMSeg's ``CrossEntropyLoss(avg_non_ignore=True)`` computes of the weights
  that :class:`mmseg_wsss.PixelWeightSampler` hands it, so there is no second
  cross-entropy here.
* P^ is of C x H x W in the text; it must include the background.
* R is "e.g. CRF". A DenseCRF takes each crop on the CPU; the local refiner is
  another method, for the GPU too.
* Nothing restricts Y^te to the image's labels; that is an option here.
* W is of P^, before R, and of the image's classes, without the background, as
  Eq. 6 prints it. Where the teacher is sure of the background W is near 0:
  pixels that it completes as background hardly count, and only foreground
  that it is sure of is learned in full. Taking all classes would be another
  method. An image without any foreground label gets 0, as the maximum of an
  empty set of probabilities.
* Momentum, statistics of batch norms, mode and view of the teacher are not
  given: see :class:`mmseg_wsss.ComplementHook`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..structures.labels import BIASED_LABEL
from ..utils import check_option
from .crf_params import CRFParams
from .dense_crf import crf_from_scores
from .pixel_adaptive import pixel_adaptive_refine

REFINERS = ('local', 'crf', None)
# RS+EPM and DHR, by the same first author, put it on a softmax.
CRF_PRESET = 'stego'
SLACK = 1e-3  # how far rounding may carry a probability


def complement_label(
    label: Tensor, teacher: Tensor, biased: int = BIASED_LABEL
) -> Tensor:
    """Fill the biased pixels with the teacher's label: Y^co.

    Args:
        label: Debiased labels Y^db of any shape, integer.
        teacher: The teacher's labels Y^te of the same shape, integer.
        biased: Which label marks a biased pixel (-1 in the paper).

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
    return torch.where(label == biased, teacher.to(label), label)


def certain_mask(
    probabilities: Tensor,
    image_labels: Tensor,
    biased: Tensor,
    background_index: int | None = 0,
) -> Tensor:
    """Weight each biased pixel by the teacher's certainty: W of Eq. 6.

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
    absent = image_labels <= 0
    if background_index is not None:
        if not 0 <= background_index < c:
            raise ValueError(
                f'background_index must be None or in [0, {c}), got '
                f'{background_index}'
            )
        absent[:, background_index] = True
    certainty = probabilities.float().masked_fill(absent[..., None, None], 0)
    certainty = certainty.amax(1)
    return torch.where(biased, certainty, torch.ones_like(certainty))


@torch.no_grad()
def teacher_label(
    probabilities: Tensor,
    images: Tensor,
    refine: str | None = 'local',
    params: str | Mapping | CRFParams | None = None,
    candidates: Tensor | None = None,
) -> Tensor:
    """Refine the teacher's probabilities and take the best class: Y^te.

    Images are refined one by one, which bounds the memory and is faster on a
    CPU, and only in the rows that can win. A class that is nowhere in the
    image above 1 / C cannot win after the local refiner, whose means sum to 1
    over the classes: leaving it out changes nothing, and 4 of 21 rows take a
    third of the time. In a DenseCRF it hardly ever could; DHR drops classes
    up to 0.05 before it.

    Args:
        probabilities: The teacher's (N, C, H, W), float, which sum to 1.
        images: What it saw (N, 3, H, W), RGB, float, in [0, 1].
        refine: 'local' is :func:`pixel_adaptive_refine`, 'crf' a DenseCRF on
            the CPU, None takes the probabilities as they are.
        params: Settings of the refiner. For 'local' the keyword arguments
            dilations, iterations and temperature; for 'crf' what
            :func:`crf_params` takes, None being 'stego'.
        candidates: Bool (N, C), the only classes to choose from. None means
            all.

    Returns:
        Tensor: Labels (N, H, W), int64; the first class wins a tie.

    Raises:
        ValueError: If a shape or an option does not fit, or an image has no
            candidate.
        ImportError: If 'crf' finds no pydensecrf.
    """
    check_option('refine', refine, REFINERS)
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
        refined = _refine(scores[index, rows], images[index], refine, params)
        labels[index] = rows[refined.argmax(0).to(rows.device)]
    return labels


def _refine(
    scores: Tensor,
    image: Tensor,
    refine: str | None,
    params: str | Mapping | CRFParams | None,
) -> Tensor:
    """Refine the scores (K, H, W) of one image."""
    if refine == 'local':
        options = params or {}
        return pixel_adaptive_refine(scores[None], image[None], **options)[0]
    if refine == 'crf':
        picture = (image * 255).round().byte().permute(1, 2, 0)
        marginals = crf_from_scores(
            picture.contiguous().cpu().numpy(),
            scores.cpu().numpy(),
            params or CRF_PRESET,
        )
        return torch.from_numpy(marginals)
    return scores
