"""A training step of MobileNetV2 with and without ChannelsLastHook.

python benchmarks/channels_last.py
"""

from __future__ import annotations

from functools import partial

import torch
from measure import machine, medians
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

SIZES = [(16, 128), (16, 192)]


def step(model: torch.nn.Module, images: torch.Tensor) -> None:
    model.zero_grad()
    model(images).mean().backward()


def main() -> None:
    init_default_scope('mmseg')
    print(f'Forward + backward, {machine()}\n')
    print('| images | contiguous ms | channels-last ms | ratio |')
    print('|---|---|---|---|')
    for count, size in SIZES:
        images = torch.randn(count, 3, size, size)
        runs = {}
        for name, memory_format in (
            ('plain', torch.contiguous_format),
            ('last', torch.channels_last),
        ):
            model = MODELS.build({'type': 'MobileNetV2', 'out_indices': (6,)})
            model.to(memory_format=memory_format)
            runs[name] = partial(step, model, images)
        ms = medians(runs, repeats=5)
        print(
            f'| {count} x {size} x {size} | {ms["plain"]:.0f} '
            f'| {ms["last"]:.0f} | x{ms["plain"] / ms["last"]:.1f} |'
        )


if __name__ == '__main__':
    main()
