"""The sparse random walk against squaring the dense matrix.

    python benchmarks/random_walk.py            # time and peak memory
    python benchmarks/random_walk.py --fast     # without the dense walk at 1/4

An image of 500 x 375 pixels on the grids of PSA (stride 8, 47 x 63 cells) and
IRN (stride 4, 94 x 125 cells), radius 5, beta 10, 256 steps. "Dense" is what
the codes of PSA and IRN do: an N x N matrix, squared eight times, then applied
to every class. Times are medians of interleaved runs; the dense walk at 1/4
takes minutes and is run once. Peak memory is the growth in a fresh process.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from functools import partial

import torch
from measure import in_fresh_process, machine, medians, peak_mib

from mmseg_wsss.pseudo_labels import (
    WalkGraph,
    boundary_affinity,
    pair_offsets,
    transition_matrix,
    walk_cells,
)

SIZE = (375, 500)
BETA, SQUARINGS = 10, 8
CLASSES = (1, 3, 21)
DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'


def graph(stride: int) -> WalkGraph:
    """Boundaries of a few blobs, as a network might see them."""
    height, width = (math.ceil(side / stride) for side in SIZE)
    torch.manual_seed(0)
    coarse = torch.rand(1, 1, height // 6, width // 6, device=DEVICE)
    boundary = torch.nn.functional.interpolate(
        coarse, (height, width), mode='bicubic'
    ).clamp(0, 1)
    offsets = pair_offsets(5)
    return WalkGraph(
        offsets, boundary_affinity(boundary, offsets)[0], None, stride
    )


def scores_on(walk: WalkGraph, classes: int) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(classes, *walk.affinity.shape[1:], device=DEVICE)


def dense_walk(
    scores: torch.Tensor, walk: WalkGraph, squarings: int = SQUARINGS
) -> torch.Tensor:
    """The published way, with the dense matrix built from the pairs."""
    height, width = walk.affinity.shape[1:]
    count = height * width
    matrix = torch.eye(count, device=scores.device)
    cells = torch.arange(count, device=scores.device)
    y, x = cells // width, cells % width
    for (dy, dx), plane in zip(walk.offsets, walk.affinity, strict=True):
        inside = (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        first = cells[inside]
        second = first + dy * width + dx
        value = plane.flatten()[first] ** BETA
        matrix[first, second] = value
        matrix[second, first] = value
    matrix /= matrix.sum(0, keepdim=True)
    for _ in range(squarings):
        matrix = matrix @ matrix
    return (scores.flatten(1) @ matrix).view_as(scores)


def sparse_walk(scores: torch.Tensor, walk: WalkGraph) -> torch.Tensor:
    return walk_cells(scores, walk, BETA, 2**SQUARINGS)


def measure_memory(kind: str, stride: int, classes: int) -> float:
    # One squaring takes as much memory as eight.
    run = partial(dense_walk, squarings=1) if kind == 'dense' else sparse_walk
    small = graph(32)
    run(scores_on(small, classes), small)
    walk = graph(stride)
    scores = scores_on(walk, classes)
    return peak_mib(lambda: run(scores, walk))


def times_of(stride: int, fast: bool) -> dict[tuple[str, int], float]:
    """Milliseconds of each (walk, number of classes)."""
    walk = graph(stride)
    inputs = {count: scores_on(walk, count) for count in CLASSES}
    runs = {
        ('sparse', n): (lambda n=n: sparse_walk(inputs[n], walk))
        for n in CLASSES
    }
    if stride == 8:
        runs['dense', 3] = lambda: dense_walk(inputs[3], walk)
    times = medians(runs, repeats=3)
    if stride == 4 and not fast:
        start = time.perf_counter()
        exact = dense_walk(inputs[3], walk)
        times['dense', 3] = (time.perf_counter() - start) * 1e3
        found = sparse_walk(inputs[3], walk)
        apart = (found - exact).abs().max() / exact.abs().max()
        same = (found.argmax(0) == exact.argmax(0)).float().mean()
        print(
            f'1/4: largest difference {apart:.1e} of the maximum, same best '
            f'class in {100 * same:.3f} % of the cells',
            file=sys.stderr,
        )
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--fast', action='store_true')
    parser.add_argument('--memory', nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory:
        kind, stride, classes = args.memory
        print(json.dumps(measure_memory(kind, int(stride), int(classes))))
        return
    print(f'{SIZE[1]} x {SIZE[0]} pixels, {machine()}\n')
    print('| grid | walk | classes | ms | MiB | of dense |')
    print('|---|---|---|---|---|---|')
    for stride in (8, 4):
        times = times_of(stride, args.fast)
        walk = graph(stride)
        matrix = transition_matrix(walk, BETA)
        cells = matrix.shape[0]
        for (kind, count), value in sorted(times.items()):
            mib = in_fresh_process('--memory', kind, str(stride), str(count))
            dense = times.get(('dense', 3))
            ratio = f'1 / {dense / value:.0f}' if dense else ''
            print(
                f'| 1/{stride}, {cells} cells | {kind} | {count} | '
                f'{value:.1f} | {mib:.0f} | {ratio} |'
            )


if __name__ == '__main__':
    main()
