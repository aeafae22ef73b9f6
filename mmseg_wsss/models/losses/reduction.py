"""The reduction that pixel-wise losses share."""

from __future__ import annotations

from torch import Tensor

REDUCTIONS = ('mean', 'sum', 'none')


def reduce_over_valid(
    loss: Tensor,
    valid: Tensor,
    weight: Tensor | None = None,
    reduction: str = 'mean',
    avg_factor: float | None = None,
) -> Tensor:
    """Weight a map of pixel losses and reduce it.

    Args:
        loss: Pixel losses (N, ...), zero at invalid pixels.
        valid: Bool mask of the same shape; the mean divides by its count, not
            by the sum of the weights.
        weight: Optional pixel weights of the same shape.
        reduction: 'mean' over the valid pixels of the batch, 'sum' or 'none'.
        avg_factor: Divides instead of the count of valid pixels.

    Returns:
        Tensor: A scalar, or the weighted map if ``reduction`` is 'none'. With
        no valid pixel the mean is 0 and keeps its gradient path.

    Raises:
        ValueError: If ``reduction`` is unknown or a shape does not match.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(
            f'reduction must be one of {REDUCTIONS}, got {reduction!r}'
        )
    if weight is not None:
        if weight.shape != loss.shape:
            raise ValueError(
                f'weight must have the shape of the label '
                f'{tuple(loss.shape)}, got {tuple(weight.shape)}'
            )
        loss = loss * weight
    if reduction == 'none':
        return loss
    if reduction == 'sum':
        return loss.sum()
    if avg_factor is None:
        avg_factor = valid.sum().clamp(min=1)
    return loss.sum() / avg_factor
