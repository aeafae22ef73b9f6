"""SEAM in whole runs: a step on one rank and on two is the same."""

import torch
from mmengine.runner import Runner

from tests import tiny
from tests.processes import run_ranks


def config(root, work_dir, batch_size):
    cfg = tiny.config(root, tiny.seam_head(dropout_ratio=0.0), work_dir)
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
from tests.test_models.test_losses.test_seam_in_heads import config


def main():
    torch.set_num_threads(1)
    cfg = config(Path(sys.argv[1]), Path(sys.argv[2]), batch_size=1)
    cfg.launcher = 'pytorch'
    launch.get_device = lambda: 'cpu'
    launch.prepare_launch(cfg, 'pytorch')
    runner = Runner.from_cfg(cfg)
    runner.train()
    head = runner.model.module.decode_head
    first, second = all_gather(head.correlation.embed.weight.detach())
    assert torch.equal(first, second)


main()
# Gloo's threads can abort or stall an interpreter that winds down.
torch.distributed.barrier()
os._exit(0)
"""


def test_two_ranks_train_the_same_network_as_one(tiny_root, tmp_path, on_cpu):
    script = tmp_path / 'two.py'
    script.write_text(TWO_RANKS)
    done = run_ranks(2, script, tiny_root, tmp_path / 'two')
    assert done.returncode == 0, done.stdout + done.stderr
    runner = Runner.from_cfg(config(tiny_root, tmp_path / 'one', 2))
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
