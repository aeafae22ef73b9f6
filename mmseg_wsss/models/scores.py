"""Whether a segmentor predicts logits or scores."""

from __future__ import annotations

from torch import nn


def last_head(segmentor: nn.Module) -> nn.Module | None:
    """Return the decode head, the last one of a cascade."""
    head = getattr(segmentor, 'decode_head', None)
    return head[-1] if isinstance(head, nn.ModuleList) else head


def predicts_scores(segmentor: nn.Module) -> bool:
    """Return whether ``seg_logits`` are scores in [0, 1] of all classes."""
    parts = segmentor, last_head(segmentor)
    return any(getattr(part, 'predicts_scores', False) for part in parts)
