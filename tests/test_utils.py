import os

import pytest
import torch

from mmseg_wsss import RandomWalk
from mmseg_wsss.jobs import tool_setup as pipeline_tool
from mmseg_wsss.utils import allow_gpu_sharing, local_device


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
    assert local_device() == name
    allow_gpu_sharing()
    assert local_device() == name
    if gpus:
        assert os.environ['LOCAL_RANK'] == name[-1]
    else:
        assert os.environ.get('LOCAL_RANK') == rank
    assert RandomWalk(checkpoint, device='cuda').device == name
    assert RandomWalk(checkpoint, device='cuda:5').device == 'cuda:5'
    assert pipeline_tool.choose_device(None) == name
    assert pipeline_tool.choose_device('cpu') == 'cpu'
