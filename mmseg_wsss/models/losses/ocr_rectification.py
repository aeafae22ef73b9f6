"""Eqs. 5, 8 to 10 and 19 of OCR at many pixels, with their gradient.

The same twice, as CPUs and GPUs differ in what is dear. On a CPU it is the
arithmetic: most pixels are in candidate and need nothing, so the others are
chosen first, image by image, and the classes of each group are taken out. On
a GPU it is the number of kernels, and every wait for one to say how many
pixels were chosen: there all pixels and classes are computed under masks. See
docs/speed.md and docs/speed_gpu.md, ``benchmarks/ocr_loss.py``.

Either forms the gradient on the way forward and keeps nothing else.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

GROUPS = ('adaptive', 'all', 'anchor')
PIXELS = ('oc', 'ic', 'all')
# Logits that are computed at once under masks, at least an image's: four maps
# of 128 MiB.
_LOGITS_AT_ONCE = 2**25


def rectify(
    logits: Tensor,
    valid: Tensor,
    is_candidate: Tensor,
    prior: Tensor | None,
    pixels: str,
    margin: float,
    threshold: float,
    group: str,
) -> Tensor:
    """Rectification loss of every pixel.

    Args:
        logits: (N, C, L), any float dtype.
        valid: Bool (N, L), the pixels that count.
        is_candidate: Bool (N, C), S + {bg} of each image.
        prior: M of Eq. 9, (C, C) in [0, 1], or None for ones.
        pixels: Which pixels are rectified, one of ``PIXELS``.
        margin: Delta of Eq. 19.
        threshold: t of Eq. 9.
        group: How Eq. 9 splits, one of ``GROUPS``.

    Returns:
        Tensor: (N, L) >= 0, float32 or float64. It is 0 in images that have
        every class, or no candidate at all.
    """
    on_cpu = logits.device.type == 'cpu'
    function = _ChosenPixels if on_cpu else _MaskedPixels
    return function.apply(
        logits, valid, is_candidate, prior, pixels, margin, threshold, group
    )


def _precision(logits: Tensor) -> torch.dtype:
    """float64 for float64, float32 for all others."""
    return torch.promote_types(logits.dtype, torch.float32)


def _in_candidate_group(
    ic: Tensor, lse_oc: Tensor, prior: Tensor | None, threshold: float
) -> Tensor:
    """Eqs. 8 and 9 on the candidates' logits ``ic`` (K, P): (K, P) bool."""
    anchor = ic.argmax(0)
    log_total = torch.logaddexp(ic.logsumexp(0), lse_oc)
    prob = (ic - log_total).exp()
    anchor_prob = prob.gather(0, anchor[None])
    if prior is not None:
        prob = prob * prior[anchor].T
    group = prob > anchor_prob - threshold
    return group.scatter_(0, anchor[None], True)


def _rectify_pixels(
    logits: Tensor,
    candidates: Tensor,
    absent: Tensor,
    prior: Tensor | None,
    margin: float,
    threshold: float,
    group: str,
) -> tuple[Tensor, Tensor]:
    """Eq. 19 and its gradient at P pixels of one image.

    Args:
        logits: (C, P), float32 or float64.
        candidates: Indices of S + {bg}, at least one.
        absent: Indices of the other classes, at least one.
        prior: M (C, C), or None for ones.
        margin: Delta.
        threshold: t of Eq. 9.
        group: How Eq. 9 splits, one of ``GROUPS``.

    Returns:
        tuple: Loss (P,) and its gradient with respect to the logits (C, P).
    """
    ic, oc = logits[candidates], logits[absent]
    lse_oc = oc.logsumexp(0)
    negative = -ic
    if group == 'anchor':
        keep = torch.zeros_like(ic, dtype=torch.bool)
        keep.scatter_(0, ic.argmax(0, keepdim=True), True)
        negative.masked_fill_(~keep, float('-inf'))
    elif group == 'adaptive':
        if prior is not None:
            prior = prior[candidates][:, candidates]
        keep = _in_candidate_group(ic, lse_oc, prior, threshold)
        negative.masked_fill_(~keep, float('-inf'))
    lse_ic = negative.logsumexp(0)

    score = lse_ic + lse_oc + margin
    loss = torch.logaddexp(score, torch.zeros_like(score))
    slope = score.sigmoid()
    grad = torch.empty_like(logits)
    grad[candidates] = negative.sub_(lse_ic).exp_().mul_(slope).neg_()
    grad[absent] = oc.sub_(lse_oc).exp_().mul_(slope)
    return loss, grad


def _select_pixels(
    logits: Tensor, candidates: Tensor, absent: Tensor, pixels: str
) -> Tensor | None:
    """Eq. 5 on one image's logits (C, L): mask (L,), None for all pixels."""
    if pixels == 'all':
        return None
    best_absent = logits[absent].amax(0)
    out_of_candidate = best_absent > logits[candidates].amax(0)
    return out_of_candidate if pixels == 'oc' else ~out_of_candidate


class _ChosenPixels(torch.autograd.Function):
    """Map of Eq. 19 over a batch, at the chosen pixels of each image.

    Its arguments are those of :func:`rectify`.
    """

    @staticmethod
    def forward(ctx, logits, valid, is_candidate, prior, pixels, *options):
        loss = logits.new_zeros(valid.shape, dtype=_precision(logits))
        prior = None if prior is None else prior.to(loss)
        ctx.images, saved = [], []
        for n, row in enumerate(is_candidate):
            if row.all() or not row.any():
                continue
            groups = [g.nonzero().flatten() for g in (row, ~row)]
            mask = _select_pixels(logits[n], *groups, pixels)
            mask = valid[n] if mask is None else mask & valid[n]
            index = mask.nonzero().flatten()
            chosen = logits[n].index_select(1, index).to(loss)
            loss[n, index], grad = _rectify_pixels(
                chosen, *groups, prior, *options
            )
            ctx.images.append(n)
            saved += [index, grad]
        ctx.save_for_backward(*saved)
        ctx.logits_like = logits.new_empty(0), logits.shape
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_loss):
        like, shape = ctx.logits_like
        grad_logits = like.new_zeros(shape)
        saved = ctx.saved_tensors
        for n, index, grad in zip(
            ctx.images, saved[::2], saved[1::2], strict=True
        ):
            scaled = (grad * grad_loss[n, index]).to(grad_logits)
            grad_logits[n].index_copy_(1, index, scaled)
        return grad_logits, *(None,) * 7


class _MaskedPixels(torch.autograd.Function):
    """As :class:`_ChosenPixels`, all pixels and classes under masks."""

    @staticmethod
    def forward(ctx, logits, valid, is_candidate, prior, pixels, *options):
        loss = logits.new_empty(valid.shape, dtype=_precision(logits))
        grad = torch.empty_like(logits)
        prior = None if prior is None else prior.to(loss)
        step = max(1, _LOGITS_AT_ONCE // max(1, logits.shape[1:].numel()))
        for start in range(0, len(logits), step):
            part = slice(start, start + step)
            loss[part], grad[part] = _rectify_masked(
                logits[part].to(loss),
                valid[part],
                is_candidate[part],
                prior,
                pixels,
                *options,
            )
        ctx.save_for_backward(grad)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_loss):
        (grad,) = ctx.saved_tensors
        grad_logits = (grad * grad_loss[:, None]).to(grad.dtype)
        return grad_logits, *(None,) * 7


def _rectify_masked(
    logits: Tensor,
    valid: Tensor,
    is_candidate: Tensor,
    prior: Tensor | None,
    pixels: str,
    margin: float,
    threshold: float,
    group: str,
) -> tuple[Tensor, Tensor]:
    """Eqs. 5 and 19 and the gradient at all pixels of some images.

    Its arguments are those of :func:`rectify`, with float32 or float64
    logits.

    Returns:
        tuple: Loss (N, L) and its gradient with respect to the logits
        (N, C, L).
    """
    minus_inf = float('-inf')
    inside = is_candidate[:, :, None]
    oc = torch.where(inside, minus_inf, logits)
    best_oc, soft_oc = oc.amax(1, keepdim=True), oc.softmax(1)
    del oc  # as below: these maps take the memory
    ic = torch.where(inside, logits, minus_inf)
    best, anchor = ic.max(1, keepdim=True)
    del ic
    counts = valid & (is_candidate.any(1) & ~is_candidate.all(1))[:, None]
    if pixels != 'all':
        out_of_candidate = (best_oc > best)[:, 0]
        counts &= out_of_candidate if pixels == 'oc' else ~out_of_candidate

    keep = inside
    if group == 'adaptive':
        prob = logits.softmax(1)
        anchor_prob = prob.gather(1, anchor)
        if prior is not None:
            prob *= prior[anchor[:, 0]].transpose(1, 2)
        keep = prob > anchor_prob - threshold
        del prob
        keep = keep.scatter_(1, anchor, True).logical_and_(inside)
    elif group == 'anchor':
        keep = torch.zeros_like(logits, dtype=torch.bool)
        keep.scatter_(1, anchor, True)
    negative = torch.where(keep, -logits, minus_inf)
    best_ic, soft_ic = negative.amax(1, keepdim=True), negative.softmax(1)
    del negative

    # The largest share is 1 / sum exp(z - max z).
    lse_ic = best_ic - soft_ic.amax(1, keepdim=True).log()
    lse_oc = best_oc - soft_oc.amax(1, keepdim=True).log()
    score = lse_ic + lse_oc + margin
    grad = soft_oc.sub_(soft_ic).mul_(score.sigmoid())
    grad.masked_fill_(~counts[:, None], 0)
    loss = F.softplus(score, threshold=40)[:, 0]
    return loss.masked_fill_(~counts, 0), grad
