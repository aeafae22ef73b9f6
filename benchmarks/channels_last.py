"""MobileNetV2 with and without ChannelsLastHook.

    python benchmarks/channels_last.py

Forward and backward of the backbone in both memory formats. The ratio is the
usual format's time over channels-last's: above 1 the hook makes a CPU faster.
"""

from __future__ import annotations

from functools import partial

import torch
from measure import machine, medians, new_parser, parse, print_table
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

SIZES = [(16, 128), (16, 192)]
FORMATS = {'plain': torch.contiguous_format, 'last': torch.channels_last}


def step(model: torch.nn.Module, images: torch.Tensor) -> None:
    model.zero_grad()
    model(images).mean().backward()


def row(count: int, size: int, repeats: int) -> list[str]:
    images = torch.randn(count, 3, size, size)
    runs = {}
    for name, memory_format in FORMATS.items():
        model = MODELS.build({'type': 'MobileNetV2', 'out_indices': (6,)})
        model.to(memory_format=memory_format)
        runs[name] = partial(step, model, images)
    ms = medians(runs, repeats)
    return [
        f'{count} x {size} x {size}',
        f'{ms["plain"]:.0f}',
        f'{ms["last"]:.0f}',
        f'x{ms["plain"] / ms["last"]:.1f}',
    ]


def main() -> None:
    args = parse(new_parser(__doc__), repeats=5)
    init_default_scope('mmseg')
    print(f'{machine()}:\n')
    print_table(
        ['images', 'usual ms', 'channels-last ms', 'ratio'],
        (row(*size, args.repeats) for size in SIZES),
    )


if __name__ == '__main__':
    main()
