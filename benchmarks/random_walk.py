"""The sparse random walk against squaring the dense matrix.

    python benchmarks/random_walk.py            # time and peak memory
    python benchmarks/random_walk.py --whole    # all squarings at 1/4: minutes
    python benchmarks/random_walk.py --quick    # no dense walk at 1/4

An image of 500 x 375 pixels on the grids of PSA (stride 8, 47 x 63 cells) and
IRN (stride 4, 94 x 125 cells), radius 5, beta 10, 256 steps. "Dense" is what
the codes of PSA and IRN do: an N x N matrix, squared eight times, then applied
to every class. At 1/4 that takes minutes: its first squaring is measured,
once, and counted eight times. The ratio is to the dense walk of three classes
on the same grid. Peak memory is the growth in a fresh process. The results are
compared by the largest difference and the best class of each cell.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from functools import partial

import torch
from measure import (
    DEVICE,
    in_fresh_process,
    machine,
    medians,
    new_parser,
    once,
    parse,
    peak_mib,
    print_table,
)

from mmseg_wsss.pseudo_labels import (
    WalkGraph,
    boundary_affinity,
    pair_offsets,
    walk_cells,
)

SIZE = (375, 500)
BETA, SQUARINGS = 10, 8
CLASSES = (1, 3, 21)


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


def dense_matrix(walk: WalkGraph) -> torch.Tensor:
    """The transition matrix (N, N), built from the pairs."""
    height, width = walk.affinity.shape[1:]
    count = height * width
    matrix = torch.eye(count, device=DEVICE)
    cells = torch.arange(count, device=DEVICE)
    y, x = cells // width, cells % width
    for (dy, dx), plane in zip(walk.offsets, walk.affinity, strict=True):
        inside = (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        first = cells[inside]
        second = first + dy * width + dx
        value = plane.flatten()[first] ** BETA
        matrix[first, second] = value
        matrix[second, first] = value
    matrix /= matrix.sum(0, keepdim=True)
    return matrix


def dense_walk(scores: torch.Tensor, walk: WalkGraph) -> torch.Tensor:
    """The published way."""
    matrix = dense_matrix(walk)
    for _ in range(SQUARINGS):
        matrix = matrix @ matrix
    return (scores.flatten(1) @ matrix).view_as(scores)


def sparse_walk(scores: torch.Tensor, walk: WalkGraph) -> torch.Tensor:
    return walk_cells(scores, walk, BETA, 2**SQUARINGS)


def sparse_memory(stride: int, classes: int) -> float:
    small, walk = graph(32), graph(stride)
    sparse_walk(scores_on(small, classes), small)
    scores = scores_on(walk, classes)
    return peak_mib(lambda: sparse_walk(scores, walk))


def dense_start(stride: int) -> tuple[float, float]:
    """MiB of the dense walk, and its milliseconds by the first squaring.

    One squaring takes as much memory as eight.
    """
    small, walk = dense_matrix(graph(32)), graph(stride)
    _ = small @ small
    times = []

    def start() -> None:
        built, matrix = once(lambda: dense_matrix(walk))
        squared, _ = once(lambda: matrix @ matrix)
        times.extend([built, squared])

    mib = peak_mib(start)
    return mib, times[0] + SQUARINGS * times[1]


def compare(stride: int, dense: torch.Tensor, sparse: torch.Tensor) -> str:
    apart = (sparse - dense).abs().max() / dense.abs().max()
    same = (sparse.argmax(0) == dense.argmax(0)).float().mean()
    return (
        f'1/{stride}: largest difference {apart:.1e} of the maximum, same '
        f'best class in {same:.3%} of the cells.'
    )


def rows(
    stride: int, args: argparse.Namespace, notes: list[str]
) -> Iterator[list[str]]:
    """Measure one grid; how the results compare is added to ``notes``."""
    walk = graph(stride)
    inputs = {count: scores_on(walk, count) for count in CLASSES}
    dense = partial(dense_walk, inputs[3], walk)
    runs = {n: partial(sparse_walk, inputs[n], walk) for n in CLASSES}
    if stride == 8:
        runs['dense'] = dense
    ms = medians(runs, args.repeats)
    mib = {n: in_fresh_process(sparse_memory, stride, n) for n in CLASSES}
    if stride == 8 or not args.quick:
        mib['dense'], estimate = in_fresh_process(dense_start, stride)
        ms.setdefault('dense', estimate)
    if stride == 8 or args.whole:
        whole_ms, exact = once(dense)
        notes.append(compare(stride, exact, runs[3]()))
        if stride == 4:
            ms['dense'] = whole_ms
    cells = walk.affinity[0].numel()
    for name in ('dense', *CLASSES):
        if name in ms:
            yield [
                f'1/{stride}, {cells:,} cells',
                'dense' if name == 'dense' else 'sparse',
                str(3 if name == 'dense' else name),
                f'{ms[name]:,.1f}',
                f'{mib[name]:,.0f}',
                f'1 / {ms["dense"] / ms[name]:,.0f}' if 'dense' in ms else '',
            ]


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument(
        '--whole', action='store_true', help='all squarings at 1/4'
    )
    args = parse(parser, repeats=3)
    print(f'{SIZE[1]} x {SIZE[0]} pixels, {machine()}:\n')
    notes = []
    print_table(
        ['grid', 'walk', 'classes', 'ms', 'MiB', 'ratio'],
        (row for stride in (8, 4) for row in rows(stride, args, notes)),
    )
    print('\n'.join(notes))


if __name__ == '__main__':
    main()
