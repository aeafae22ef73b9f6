r"""Out-of-candidate rectification (OCR).

Cheng et al., "Out-of-Candidate Rectification for Weakly Supervised Semantic
Segmentation", CVPR 2023. Equation numbers are the paper's.

The *candidates* of an image are its image labels and the background,
S + {bg}. A pixel predicted as any other class is *out of candidate* (OC,
Eq. 5). At such a pixel the classes are split into

* the anchor :math:`A = \arg\max_{j \in S \cup bg} z^j` (Eq. 8),
* the in-candidate group :math:`G_{ic} = \{k \in S \cup bg :
  P^A - P^k M_{A,k} < t\}` (Eq. 9), P the softmax of all logits, M the prior
  correlation of the classes (Eq. 7),
* the out-of-candidate group :math:`G_{oc}`, all classes outside (Eq. 10),

and the second group is pushed below the first by a margin (Eq. 19):

.. math::
    \ell = \log\Big(1 + \sum_{k \in G_{ic}} e^{-z^k}
                        \sum_{l \in G_{oc}} e^{z^l + \Delta}\Big)
         = \mathrm{softplus}\big(\mathrm{LSE}_{ic}(-z) +
                                 \mathrm{LSE}_{oc}(z) + \Delta\big).

The right-hand form cannot overflow. Where the paper is silent, or where its
appendix (Alg. 1 and 2) differs from its equations, we chose:

* OC means that the class with the highest logit is no candidate. The appendix
  multiplies absent logits by zero and compares two argmaxes, which flags
  in-candidate pixels whose logits are all negative. A tie between a candidate
  and an absent class counts for the candidate.
* A class filtered by Eq. 9 leaves the sum. In the appendix it stays as e^0.
* The anchor is always kept (as in the appendix). Eq. 9 alone can drop it,
  because M[A, A] < 1 for every foreground class.
* M[A, k] is indexed by class. The appendix indexes it by list position.
* Background counts as present in every image: M[bg, k] is the share of images
  with k.
* The loss is the mean over the valid pixels of the batch, OC or not, so that
  it fades as OC pixels vanish (appendix: mean over all pixels of one image).
"""

from __future__ import annotations

import logging

import numpy as np
import torch
from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...structures import (
    current_image_labels,
    foreground_indices,
    labels_from_mask,
)
from ...utils import check_option
from .ocr_rectification import GROUPS, PIXELS, rectify
from .prior import PRIOR_NORMS, prior_correlation, read_joint_frequency
from .reduction import reduce_over_valid


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
) -> Tensor:
    """Rectification loss of every pixel (Eqs. 5, 8 to 10, 19).

    Args:
        seg_logits: Logits (N, C, ...) of any float dtype; computed in float32
            or in float64, never in half precision.
        image_labels: Multi-hot (N, C) over the classes of the logits.
        valid: Bool mask (N, ...) of the pixels that count. None means all.
        prior: M of Eq. 9, (C, C) in [0, 1]; None means ones, so that a
            candidate stays if its probability is within ``threshold`` of the
            anchor's.
        margin: Delta of Eq. 19, in logits.
        threshold: t of Eq. 9, in probability.
        group: 'adaptive' is Eq. 9, 'anchor' keeps the anchor only, 'all'
            keeps every candidate.
        pixels: 'oc' rectifies the OC pixels (Eq. 19), 'ic' the others, 'all'
            both (the paper's Table 4b).
        background_index: This class is a candidate of every image. None where
            the data set has no background.

    Returns:
        Tensor: Loss map (N, ...) >= 0, float32 or float64. It is 0 in images
        that have every class, or no candidate at all.

    Raises:
        ValueError: If shapes or options do not fit, or ``background_index``
            is not a class of the logits.
    """
    check_option('group', group, GROUPS)
    check_option('pixels', pixels, PIXELS)
    n, c = seg_logits.shape[:2]
    if c < 2:
        raise ValueError(
            'OCRLoss compares classes and needs logits of at least 2, got '
            f'{tuple(seg_logits.shape)}; a binary head must use out_channels=2'
        )
    if image_labels.shape != (n, c):
        raise ValueError(
            f'image_labels must be ({n}, {c}) for logits '
            f'{tuple(seg_logits.shape)}, got {tuple(image_labels.shape)}: '
            'labels run over all classes of the head, background included'
        )
    foreground_indices(c, background_index)
    is_candidate = (image_labels > 0).to(seg_logits.device)
    if background_index is not None:
        is_candidate[:, background_index] = True
    flat = seg_logits.flatten(2)
    if valid is None:
        valid = flat.new_ones(n, flat.shape[2], dtype=torch.bool)
    loss = rectify(
        flat,
        valid.flatten(1),
        is_candidate,
        prior,
        pixels,
        margin,
        threshold,
        group,
    )
    return loss.view(n, *seg_logits.shape[2:])


@MODELS.register_module()
class OCRLoss(nn.Module):
    """Out-of-candidate rectification loss for any MMSeg head.

    It stands beside the cross-entropy on the pseudo labels (Eq. 4; alpha is
    ``loss_weight``)::

        loss_decode=[
            dict(type='CrossEntropyLoss', avg_non_ignore=True),
            dict(type='mmseg_wsss.OCRLoss', prior='auto')]
        custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')]

    Args:
        margin (float): Delta of Eq. 19. Defaults to 2.0.
        threshold (float): t of Eq. 9. Defaults to 0.2.
        group (str): 'adaptive', 'all' or 'anchor'. Defaults to 'adaptive'.
        pixels (str): 'oc', 'ic' or 'all'. Defaults to 'oc'.
        prior (None | array | str): M of Eq. 9. None means ones; an array
            (C, C), or the path of a ``.npy`` file with one, is Eq. 7's joint
            frequency; 'auto' lets WeakSupervisionHook count it over the
            training set's image labels when training starts.
        prior_norm (str): 'joint' (Eq. 7) or 'conditional', see
            :func:`prior_correlation`. Defaults to 'joint'.
        background_index (int, optional): The background's class index, None
            if there is none. Defaults to 0.
        loss_weight (float): alpha of Eq. 4. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_ocr'.
        labels_from (str): 'batch' asks for the current batch's image labels
            when a call brings none. 'mask' takes the classes of the label
            map instead, which is wrong after a crop. Defaults to 'batch'.

    Raises:
        ValueError: If an option is unknown or the prior is not a matrix.
    """

    def __init__(
        self,
        margin: float = 2.0,
        threshold: float = 0.2,
        group: str = 'adaptive',
        pixels: str = 'oc',
        prior=None,
        prior_norm: str = 'joint',
        background_index: int | None = 0,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ocr',
        labels_from: str = 'batch',
    ):
        super().__init__()
        check_option('group', group, GROUPS)
        check_option('pixels', pixels, PIXELS)
        check_option('prior_norm', prior_norm, PRIOR_NORMS)
        check_option('labels_from', labels_from, ('batch', 'mask'))
        self.margin = margin
        self.threshold = threshold
        self.group = group
        self.pixels = pixels
        self.prior_norm = prior_norm
        self.background_index = background_index
        self.loss_weight = loss_weight
        self.labels_from = labels_from
        if labels_from == 'mask':
            print_log(
                "OCRLoss(labels_from='mask') takes the classes of each label "
                'map for the image labels. After a crop, or where a pseudo '
                'label misses a class, present classes count as absent.',
                logger='current',
                level=logging.WARNING,
            )
        self._loss_name = loss_name
        # Not a buffer: EMAHook copies the model before 'auto' is counted, and
        # pairs buffers by position.
        self.prior: Tensor | None = None
        counted = isinstance(prior, str) and prior == 'auto'
        self.awaits_cooccurrence = counted and group == 'adaptive'
        if prior is not None and not counted:
            joint = read_joint_frequency(prior)
            self.prior = prior_correlation(joint, 1, prior_norm)

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    def set_cooccurrence(self, counts: np.ndarray, num_images: int) -> None:
        """Take the co-occurrence counts of the training set.

        Args:
            counts: N[k, l] (C, C), see :func:`prior_correlation`.
            num_images: L, the number of images.
        """
        self.prior = prior_correlation(counts, num_images, self.prior_norm)
        self.awaits_cooccurrence = False

    def forward(
        self,
        seg_logits: Tensor,
        seg_label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        ignore_index: int | None = 255,
        image_labels: Tensor | None = None,
        **kwargs,
    ) -> Tensor:
        """Compute the loss.

        Args:
            seg_logits: Logits (N, C, H, W) or (N, C, P) of points.
            seg_label: Pseudo labels (N, H, W) or (N, P), integer. Only the
                pixels equal to ``ignore_index`` matter: they do not count.
            weight: Optional pixel weights of the label's shape.
            avg_factor: Divides instead of the count of valid pixels.
            reduction_override: 'none', 'mean' (default) or 'sum'.
            ignore_index: Label of the pixels that do not count. Defaults to
                255.
            image_labels: Multi-hot (N, C). None asks the current batch.
            **kwargs: Accepted and ignored, as MMSeg's losses do.

        Returns:
            Tensor: Scalar, or the map of the label's shape for 'none'.

        Raises:
            ValueError: If shapes do not fit.
            RuntimeError: If there are no image labels, or prior='auto' was
                never counted.
        """
        shape = (len(seg_logits), *seg_logits.shape[2:])
        if seg_label.shape != shape:
            raise ValueError(
                f'seg_label must have shape {shape} for logits '
                f'{tuple(seg_logits.shape)}, got {tuple(seg_label.shape)}'
            )
        if self.awaits_cooccurrence:
            raise RuntimeError(
                "OCRLoss(prior='auto') has no co-occurrence yet: add "
                "custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')], "
                'or call set_cooccurrence(counts, num_images), or give prior '
                'an array'
            )
        if image_labels is None:
            if self.labels_from == 'mask':
                image_labels = labels_from_mask(seg_label, seg_logits.shape[1])
            else:
                image_labels = current_image_labels('OCRLoss')
        if self.prior is not None and len(self.prior) != seg_logits.shape[1]:
            raise ValueError(
                f'the prior has {len(self.prior)} classes, the logits have '
                f'{seg_logits.shape[1]}'
            )
        valid = torch.ones_like(seg_label, dtype=torch.bool)
        if ignore_index is not None:
            valid = seg_label != ignore_index
        if self.prior is not None:
            self.prior = self.prior.to(seg_logits.device)
        with torch.autocast(seg_logits.device.type, enabled=False):
            loss = ocr_loss(
                seg_logits,
                image_labels,
                valid,
                prior=self.prior,
                margin=self.margin,
                threshold=self.threshold,
                group=self.group,
                pixels=self.pixels,
                background_index=self.background_index,
            )
        reduction = reduction_override or 'mean'
        return self.loss_weight * reduce_over_valid(
            loss, valid, weight, reduction, avg_factor
        )

    def extra_repr(self) -> str:
        """Options that ``print(model)`` shows."""
        return (
            f'margin={self.margin}, threshold={self.threshold}, '
            f'group={self.group!r}, pixels={self.pixels!r}, '
            f'prior_norm={self.prior_norm!r}, loss_weight={self.loss_weight}'
        )
