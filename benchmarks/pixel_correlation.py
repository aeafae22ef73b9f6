"""SEAM's pixel correlation in blocks of columns against the whole matrix.

    python benchmarks/pixel_correlation.py

The module at stride 8 on an image of 500 x 375 pixels at SEAM's four test
scales, with ResNet38's features of 512 and 1,024 channels and 20 classes,
without gradient. "Whole" computes all affinities at once, as SEAM's code does;
"blocks" 256 columns at a time. Peak memory is the growth in a fresh process,
beyond the features. The ratio is to the whole matrix.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from measure import (
    DEVICE,
    in_fresh_process,
    machine,
    medians,
    new_parser,
    parse,
    peak_mib,
    print_table,
)

from mmseg_wsss.models.decode_heads import pixel_correlation
from mmseg_wsss.models.decode_heads.pixel_correlation import (
    PixelCorrelation,
    correlate,
)

SIZE, STRIDE, CLASSES = (375, 500), 8, 20
SCALES = (0.5, 1.0, 1.5, 2.0)
CHANNELS, REDUCED = (512, 1024), (64, 128)


def case(scale: float) -> tuple[PixelCorrelation, tuple]:
    """The module and its inputs."""
    torch.manual_seed(0)
    size = [round(side * scale) for side in SIZE]
    cells = [math.ceil(side / STRIDE) for side in size]
    module = PixelCorrelation(CHANNELS, REDUCED, align_corners=True)
    features = [torch.rand(1, c, *cells, device=DEVICE) for c in CHANNELS]
    cam = torch.randn(1, CLASSES, *cells, device=DEVICE)
    images = torch.rand(1, 3, *size, device=DEVICE)
    return module.to(DEVICE), (cam, features, images)


@torch.no_grad()
def refine(scale: float, whole: bool) -> torch.Tensor:
    module, inputs = case(scale)
    return run(module, inputs, whole)


@torch.no_grad()
def run(module: PixelCorrelation, inputs: tuple, whole: bool) -> torch.Tensor:
    function = partial(correlate, block=10**9) if whole else correlate
    pixel_correlation.correlate = function
    return module(*inputs)


def memory(scale: float, whole: bool) -> float:
    refine(0.1, whole)
    module, inputs = case(scale)
    return peak_mib(lambda: run(module, inputs, whole))


def main() -> None:
    args = parse(new_parser(__doc__), repeats=5)
    print(f'{SIZE[1]} x {SIZE[0]} pixels, {machine()}:\n')
    rows, largest = [], 0.0
    for scale in SCALES:
        module, inputs = case(scale)
        runs = {w: partial(run, module, inputs, w) for w in (True, False)}
        ms = medians(runs, args.repeats)
        apart = (runs[True]() - runs[False]()).abs().max().item()
        largest = max(largest, apart)
        for whole in (True, False):
            mib = in_fresh_process(memory, scale, whole)
            rows.append(
                [
                    f'{scale:g}, {inputs[0][0, 0].numel():,} cells',
                    'whole' if whole else 'blocks',
                    f'{ms[whole]:,.1f}',
                    f'{mib:,.1f}',
                    f'{ms[whole] / ms[True]:.2f}',
                ]
            )
    print_table(['scale', 'affinities', 'ms', 'MiB', 'ratio'], rows)
    print(f'Largest difference of the scores: {largest:.1e}.')


if __name__ == '__main__':
    main()
