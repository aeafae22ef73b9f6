"""The baselines in whole runs: an epoch on one rank and on two is the same."""

import pytest
import torch
from mmengine.runner import Runner

from tests import tiny
from tests.processes import run_ranks

GAP, TOKEN = dict(type='mmseg_wsss.GAPLoss'), dict(type='mmseg_wsss.TokenLoss')
HEADS = {
    'mctformer': tiny.token_head(),
    'mctformer-plus': tiny.token_head(
        fusion='sqrt',
        loss_decode=[
            dict(type='mmseg_wsss.GWRPLoss'),
            TOKEN,
            dict(type='mmseg_wsss.TokenContrastLoss'),
        ],
    ),
    'weaktr': dict(
        tiny.token_head(),
        type='mmseg_wsss.WeakTrHead',
        in_channels=24,
        num_maps=9,
        head_dims=8,
        loss_decode=[GAP, TOKEN, dict(type='mmseg_wsss.FusedCAMLoss')],
    ),
    'sipe': tiny.sipe_head(dropout_ratio=0.0),
    'spatial-bce': dict(
        type='mmseg_wsss.PolarHead',
        in_channels=8,
        in_index=0,
        num_classes=4,
        dropout_ratio=0.0,
        loss_decode=dict(type='mmseg_wsss.SpatialBCE'),
    ),
}
CONVOLUTIONS = ('sipe', 'spatial-bce')


def config(root, work_dir, batch_size, name):
    cfg = tiny.config(root, HEADS[name], work_dir)
    if name not in CONVOLUTIONS:
        cfg.model.backbone = dict(tiny.TOKEN_VIT)
    if name == 'weaktr':
        vit = cfg.model.backbone
        vit.attention = 'heads'
        vit.arch = dict(vit.arch, embed_dims=24, num_layers=3)
    cfg.train_dataloader.batch_size = batch_size
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    return cfg


TWO_RANKS = """
import os
import sys
import tests.conftest
import torch
from mmengine.dist import all_gather
from mmengine.runner import Runner
from mmseg_wsss.jobs import launch
from pathlib import Path
from tests.test_models.test_decode_heads.test_baseline_ranks import config


def main():
    torch.set_num_threads(1)
    cfg = config(Path(sys.argv[1]), Path(sys.argv[2]), 1, sys.argv[3])
    cfg.launcher = 'pytorch'
    launch.get_device = lambda: 'cpu'
    launch.prepare_launch(cfg, 'pytorch')
    runner = Runner.from_cfg(cfg)
    runner.train()
    for parameter in runner.model.parameters():
        first, second = all_gather(parameter.detach())
        assert torch.equal(first, second)


main()
# Gloo's threads can abort or stall an interpreter that winds down.
torch.distributed.barrier()
os._exit(0)
"""


@pytest.mark.parametrize('name', HEADS)
def test_two_ranks_train_the_same_network_as_one(
    tiny_root, tmp_path, on_cpu, name
):
    """A parameter without gradient would stop DDP in the second step."""
    if name not in CONVOLUTIONS:
        pytest.importorskip('mmpretrain')
    script = tmp_path / 'two.py'
    script.write_text(TWO_RANKS)
    done = run_ranks(2, script, tiny_root, tmp_path / 'two', name)
    assert done.returncode == 0, done.stdout + done.stderr
    runner = Runner.from_cfg(config(tiny_root, tmp_path / 'one', 2, name))
    runner.load_or_resume()
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    one = runner.model.state_dict()
    two = torch.load(tmp_path / 'two' / 'epoch_1.pth', weights_only=False)[
        'state_dict'
    ]
    assert set(one) == set(two)
    for name, value in one.items():
        assert not torch.equal(value, before[name]), name
        assert torch.allclose(value, two[name], atol=1e-5), name
