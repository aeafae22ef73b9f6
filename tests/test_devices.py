import os

import pytest
import torch

from mmseg_wsss import RandomWalk
from mmseg_wsss.devices import own_gpu, share_gpus
from mmseg_wsss.engine import pipeline_tool


@pytest.mark.parametrize(
    ('rank', 'gpus', 'name'),
    [
        ('0', 2, 'cuda:0'),
        ('1', 2, 'cuda:1'),
        ('3', 2, 'cuda:1'),
        ('3', 0, 'cuda:0'),
        (None, 2, 'cuda:0'),
    ],
)
def test_ranks_share_the_gpus(monkeypatch, tmp_path, rank, gpus, name):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch, 'empty', lambda *size, device: None)
    monkeypatch.setenv('LOCAL_RANK', 'set so that it is restored')
    monkeypatch.delenv('LOCAL_RANK')
    if rank is not None:
        monkeypatch.setenv('LOCAL_RANK', rank)
    checkpoint = tmp_path / 'a.pth'
    checkpoint.touch()
    assert own_gpu() == name
    share_gpus()
    assert own_gpu() == name
    if gpus:
        assert os.environ['LOCAL_RANK'] == name[-1]
    else:
        assert os.environ.get('LOCAL_RANK') == rank
    assert RandomWalk(checkpoint, device='cuda').device == name
    assert RandomWalk(checkpoint, device='cuda:5').device == 'cuda:5'
    assert pipeline_tool.choose_device(None) == name
    assert pipeline_tool.choose_device('cpu') == 'cpu'
