"""Random walk of scores along pair affinities.

Ahn and Kwak, "Learning Pixel-level Semantic Affinity with Image-level
Supervision for Weakly Supervised Semantic Segmentation" (PSA), CVPR 2018,
https://arxiv.org/abs/1803.10464;
Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance Segmentation with
Inter-pixel Relations" (IRN), CVPR 2019, https://arxiv.org/abs/1904.05044.

Both papers spread class scores over an image's grid with a transition
matrix T::

    A = affinity ** beta                 element by element, a_ii = 1
    T = A D^-1,  D_jj = sum_i A_ij       columns sum to 1
    walked = vec(scores) T^steps

Their code forms T^steps by squaring a dense N x N matrix. Here T stays sparse,
with the pairs within the radius alone, and is applied ``steps`` times to the
few rows of scores: the same product in another order, at 1/4 resolution more
than 1,000 times faster in a twentieth of the memory
(``benchmarks/random_walk.py``).
"""

from __future__ import annotations

import math
import warnings

import torch
import torch.nn.functional as F
from torch import Tensor

from .affinity import WalkGraph


def transition_matrix(graph: WalkGraph, beta: float) -> Tensor:
    """Build the transposed transition matrix of a graph.

    Args:
        graph: Pair affinities (P, h, w) in [0, 1], see :class:`WalkGraph`.
        beta: Exponent of the affinities, > 0. PSA takes 8, IRN 10.

    Returns:
        Tensor: T transposed, sparse CSR (N, N) with N = h w in row-major
        order, float32. A is symmetric, so its rows sum to 1, and a walk's
        step is one product ``matrix @ column``.
    """
    height, width = graph.affinity.shape[-2:]
    count = height * width
    device = graph.affinity.device
    values = graph.affinity.float().flatten(1) ** beta
    cells = torch.arange(count, device=device)
    y, x = cells // width, cells % width
    rows, columns, entries = [cells], [cells], [values.new_ones(count)]
    for (dy, dx), value in zip(graph.offsets, values, strict=True):
        inside = (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        # A step to an affinity of zero is no step.
        first = cells[inside & (value > 0)]
        second = first + dy * width + dx
        rows += [first, second]
        columns += [second, first]
        entries += [value[first], value[first]]
    rows, columns = torch.cat(rows), torch.cat(columns)
    order = (rows * count + columns).argsort()
    rows, columns = rows[order], columns[order]
    entries = torch.cat(entries)[order]
    lengths = torch.bincount(rows, minlength=count)
    starts = F.pad(lengths.cumsum(0), (1, 0))
    sums = torch.segment_reduce(entries, 'sum', lengths=lengths)
    entries = entries / sums[rows]
    with warnings.catch_warnings():
        # torch calls CSR a beta feature, once per process.
        warnings.simplefilter('ignore', UserWarning)
        return torch.sparse_csr_tensor(
            starts.int(), columns.int(), entries, (count, count)
        )


def walk_cells(
    scores: Tensor, graph: WalkGraph, beta: float, steps: int = 256
) -> Tensor:
    """Walk scores that lie on the graph's own grid.

    Args:
        scores: Scores (K, h, w), float.
        graph: Pair affinities (P, h, w). Its gate, if any, multiplies the
            scores first: IRN's CAM * (1 - boundary).
        beta: Exponent of the affinities.
        steps: Number of steps; PSA and IRN square T eight times, 2**8.

    Returns:
        Tensor: Walked scores (K, h, w), float32. Not normalised: a class's
        sum is not kept, since columns and not rows of T sum to 1.

    Raises:
        ValueError: If the grids differ, or an option is out of range.
    """
    if scores.ndim != 3 or scores.shape[1:] != graph.affinity.shape[1:]:
        raise ValueError(
            f'scores {tuple(scores.shape)} are not on the grid of the '
            f'affinities {tuple(graph.affinity.shape)}: both end in (h, w)'
        )
    if not beta > 0 or steps < 0:
        raise ValueError(
            f'beta must be > 0 and steps >= 0, got {beta} and {steps}'
        )
    if graph.gate is not None:
        scores = scores * graph.gate
    matrix = transition_matrix(graph, beta)
    # One contiguous row of K scores per cell.
    columns = scores.float().flatten(1).T.contiguous()
    for _ in range(steps):
        columns = matrix @ columns
    return columns.T.reshape(scores.shape)


def random_walk(
    scores: Tensor, graph: WalkGraph, beta: float, steps: int = 256
) -> Tensor:
    """Refine scores of an image by a random walk on its graph.

    As in PSA the scores are padded below and at the right to whole cells,
    averaged within each cell, walked, and brought back bilinearly. PSA pads
    with zeros, which weakens the last cells; here the border is repeated.

    Args:
        scores: Scores (K, H, W), float, at the size of the image that the
            network saw.
        graph: Pair affinities of that image, (P, h, w) with
            h = ceil(H / stride) and w = ceil(W / stride).
        beta: Exponent of the affinities, > 0.
        steps: Number of steps.

    Returns:
        Tensor: Walked scores (K, H, W), float32, not normalised.

    Raises:
        ValueError: If the sizes do not fit, or an option is out of range.
    """
    height, width = scores.shape[-2:]
    stride = graph.stride
    grid = (math.ceil(height / stride), math.ceil(width / stride))
    if tuple(graph.affinity.shape[-2:]) != grid:
        raise ValueError(
            f'scores of {height} x {width} pixels need affinities on a grid '
            f'of {grid[0]} x {grid[1]} cells at stride {stride}, got '
            f'{tuple(graph.affinity.shape[-2:])}: is the stride of the head '
            'that of its features?'
        )
    if not len(scores):
        return scores.float()
    bottom, right = grid[0] * stride - height, grid[1] * stride - width
    padded = F.pad(scores.float()[None], (0, right, 0, bottom), 'replicate')
    cells = F.avg_pool2d(padded, stride)[0]
    walked = walk_cells(cells, graph, beta, steps)
    walked = F.interpolate(
        walked[None],
        padded.shape[2:],
        mode='bilinear',
        align_corners=False,
    )[0]
    return walked[:, :height, :width]
