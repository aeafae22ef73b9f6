"""Affinities between neighbouring cells.

Shared by two networks that learn which neighbours belong together and whose
answers a random walk uses to spread CAMs:

* PSA: Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level
  Supervision for Weakly Supervised Semantic Segmentation", CVPR 2018,
  https://arxiv.org/abs/1803.10464.
* IRN: Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance
  Segmentation with Inter-pixel Relations", CVPR 2019,
  https://arxiv.org/abs/1904.05044.

A *pair map* is (..., P, h, w). Entry [p, y, x] belongs to the cell (y, x) and
its partner (y + dy, x + dx), where (dy, dx) is the p-th offset of
:func:`pair_offsets`; it is 0 or False where the partner lies outside the map.

We use every pair inside the map. The published codes leave out those whose
first cell is near the left, right or bottom border.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..utils import at_least_float32

Offset = tuple[int, int]


class WalkGraph(NamedTuple):
    """What a random walk needs to know about one image.

    Attributes:
        offsets: P offsets (dy, dx), see :func:`pair_offsets`.
        affinity: Pair map (P, h, w), float32 in [0, 1].
        gate: Map (h, w) in [0, 1] by which scores are multiplied before they
            walk (IRN: 1 - boundary), or None.
        stride: Pixels per cell.
    """

    offsets: list[Offset]
    affinity: Tensor
    gate: Tensor | None
    stride: int


def pair_offsets(radius: float) -> list[Offset]:
    """List the partners of a cell, each unordered pair once.

    Args:
        radius: Partners are nearer than this, in cells; above 1.

    Returns:
        list[tuple[int, int]]: Offsets (dy, dx) in the lower half plane (dy >
        0, or dy = 0 and dx > 0) with dy^2 + dx^2 < radius^2, row by row: 34
        for radius 5 (PSA), 152 for radius 10 (IRN).

    Raises:
        ValueError: If no cell is that near.
    """
    if not radius > 1:
        raise ValueError(
            'radius must be above 1 cell, for there to be a pair of '
            f'neighbours, got {radius}'
        )
    reach = math.ceil(radius)
    return [
        (dy, dx)
        for dy in range(reach)
        for dx in range(-reach, reach + 1)
        if (dy > 0 or dx > 0) and dy * dy + dx * dx < radius * radius
    ]


@cache
def path_cells(offset: Offset) -> tuple[Offset, ...]:
    """List the cells on the straight path from (0, 0) to an offset.

    Args:
        offset: (dy, dx), not (0, 0).

    Returns:
        tuple[tuple[int, int]]: The cells of the bounding box of both ends
        whose distance from the line through them is less than one cell, both
        ends included.
    """
    dy, dx = offset
    rows = range(min(dy, 0), max(dy, 0) + 1)
    columns = range(min(dx, 0), max(dx, 0) + 1)
    return tuple(
        (y, x)
        for y in rows
        for x in columns
        if (y * dx - x * dy) ** 2 < dy * dy + dx * dx
    )


class _Window(NamedTuple):
    """The cells (top to bottom, left to right) whose partner is inside."""

    top: int
    bottom: int
    left: int
    right: int

    def cut(self, x: Tensor, offset: Offset = (0, 0)) -> Tensor:
        """Return ``x`` (..., h, w) in the window moved by ``offset``."""
        dy, dx = offset
        rows = slice(self.top + dy, self.bottom + dy)
        return x[..., rows, self.left + dx : self.right + dx]

    def paste(self, x: Tensor, like: Tensor, fill: float = 0) -> Tensor:
        """Pad ``x``, of the window's size, to a map of ``like``'s size."""
        h, w = like.shape[-2:]
        if x.numel() == 0:  # the map is smaller than the offset
            return x.new_full((*x.shape[:-2], h, w), fill)
        margins = (self.left, w - self.right, self.top, h - self.bottom)
        return F.pad(x, margins, value=fill)


def _window(x: Tensor, offset: Offset) -> _Window:
    (h, w), (dy, dx) = x.shape[-2:], offset
    top, left = min(max(-dy, 0), h), min(max(-dx, 0), w)
    bottom, right = min(max(h - dy, top), h), min(max(w - dx, left), w)
    return _Window(top, bottom, left, right)


def partner(x: Tensor, offset: Offset, fill: float = 0) -> Tensor:
    """Return a map that holds each cell's partner in its place.

    Args:
        x: Map (..., h, w), any dtype.
        offset: (dy, dx), of any sign and size.
        fill: Value where the partner lies outside the map.

    Returns:
        Tensor: out[..., y, x] = x[..., y + dy, x + dx], of x's shape.
    """
    window = _window(x, offset)
    return window.paste(window.cut(x, offset), x, fill)


def recomputed(function: Callable, *args):
    """Call a function whose inner results the backward pass recomputes."""
    if not torch.is_grad_enabled():
        return function(*args)
    return checkpoint(
        function, *args, use_reentrant=False, preserve_rng_state=False
    )


def embedding_affinity(features: Tensor, offsets: Sequence[Offset]) -> Tensor:
    """Compute affinities ``exp(-mean |f_i - f_j|)`` of features (PSA).

    PSA writes the L1 distance; its code takes the mean over the
    channels, as we do. One difference of feature maps is in memory at a time,
    in the backward pass too, which computes it again.

    Args:
        features: (N, D, h, w), any float dtype; computed in float32 at least.
        offsets: P offsets.

    Returns:
        Tensor: Pair map (N, P, h, w) in (0, 1], 0 outside the map.
    """

    def affinity(x: Tensor, offset: Offset) -> Tensor:
        window = _window(x, offset)
        distance = (window.cut(x) - window.cut(x, offset)).abs().mean(1)
        return window.paste((-distance).exp(), x)

    with torch.autocast(features.device.type, enabled=False):
        x = at_least_float32(features)
        return torch.stack([recomputed(affinity, x, o) for o in offsets], 1)


def boundary_affinity(boundary: Tensor, offsets: Sequence[Offset]) -> Tensor:
    """Compute the affinity of cells without a boundary between (IRN).

    1 - max of the boundary over the straight path from one cell to the other,
    both included, see ``path_cells``. Where several cells of a path share
    the maximum they share its gradient. One path is in memory at a time, as in
    :func:`embedding_affinity`.

    Args:
        boundary: Probabilities (N, 1, h, w) in [0, 1], any float dtype;
            computed in float32 at least.
        offsets: P offsets.

    Returns:
        Tensor: Pair map (N, P, h, w) in [0, 1], 0 outside the map.
    """

    def affinity(x: Tensor, offset: Offset) -> Tensor:
        window = _window(x, offset)
        path = [window.cut(x, cell) for cell in path_cells(offset)]
        return window.paste(1 - torch.stack(path).amax(0), x)

    with torch.autocast(boundary.device.type, enabled=False):
        x = at_least_float32(boundary)[:, 0]
        return torch.stack([recomputed(affinity, x, o) for o in offsets], 1)
