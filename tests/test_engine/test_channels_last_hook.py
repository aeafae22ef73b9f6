"""Weights in channels-last order, where that is faster."""

from types import SimpleNamespace

import pytest
import torch

from mmseg_wsss import ChannelsLastHook


@pytest.mark.parametrize(
    ('version', 'device', 'converts'),
    [
        ('2.1.2', 'cpu', False),
        ('2.13.0+cpu', 'cpu', False),
        ('2.14.0', 'cpu', True),
        ('2.14.1+cu130', 'cpu', True),
        ('3.0.0', 'cpu', True),
        ('2.1.2', 'meta', True),
    ],
)
def test_torch_versions(monkeypatch, version, device, converts):
    monkeypatch.setattr(torch, '__version__', version)
    model = torch.nn.Conv2d(3, 4, 3, device=device)
    ChannelsLastHook().before_run(SimpleNamespace(model=model))
    order = torch.channels_last
    assert model.weight.is_contiguous(memory_format=order) == converts
