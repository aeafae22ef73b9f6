"""CSD in whole runs: hooks, heads, other losses, ranks."""

import json

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATA_SAMPLERS, DATASETS, MODELS, TRANSFORMS

from tests import tiny
from tests.processes import run_ranks

CSD = dict(type='mmseg_wsss.CSDLoss')


def losses_of(cfg):
    """Train; the logged losses by name."""
    runner = Runner.from_cfg(cfg)
    runner.train()
    return {
        name.removeprefix('train/'): scalar.current()
        for name, scalar in runner.message_hub.log_scalars.items()
        if 'loss' in name
    }


def test_cam_head_in_a_runner(tiny_root, tmp_path):
    losses = losses_of(tiny.csd_config(tiny_root, tmp_path / 'work'))
    assert losses['decode.loss_gap'] > 0
    assert losses['decode.loss_csd'] > 0


def test_a_seeded_run_repeats_whatever_the_workers(tiny_root, tmp_path):
    runs = []
    for workers in (0, 2):
        cfg = tiny.csd_config(tiny_root, tmp_path / f'work_{workers}')
        cfg.train_dataloader.num_workers = workers
        runs.append(losses_of(cfg))
    assert runs[0] == runs[1]


def test_beside_isl_and_fsl(tiny_root, tmp_path):
    cfg = tiny.csd_config(tiny_root, tmp_path / 'work')
    cfg.model.decode_head.loss_decode = [
        dict(type='mmseg_wsss.BinomialISL'),
        dict(type='mmseg_wsss.FSL'),
        dict(CSD),
    ]
    losses = losses_of(cfg)
    assert losses['decode.loss_isl'] > 0 < losses['decode.loss_csd']
    assert 'decode.loss_fsl' in losses


def test_auxiliary_cam_head_beside_a_segmentor(tiny_root, tmp_path):
    cfg = tiny.csd_config(tiny_root, tmp_path / 'work')
    cfg.model.auxiliary_head = cfg.model.decode_head
    cfg.model.decode_head = tiny.fcn_head()
    losses = losses_of(cfg)
    assert losses['aux.loss_csd'] > 0 and losses['decode.loss_ce'] > 0


def test_ordinary_head_with_a_background_channel(tiny_root, tmp_path):
    cfg = tiny.csd_config(tiny_root, tmp_path / 'work')
    cfg.model.decode_head = tiny.fcn_head(dict(CSD))
    assert losses_of(cfg)['decode.loss_csd'] > 0


def test_without_pasted_views_the_error_names_the_wrapper(tiny_root, tmp_path):
    cfg = tiny.csd_config(tiny_root, tmp_path / 'work')
    wrapper = cfg.train_dataloader.dataset
    wrapper.dataset.pipeline.append(wrapper.pipeline[-1])
    cfg.train_dataloader.dataset = wrapper.dataset
    with pytest.raises(ValueError, match=r'loss_decode\.1 .*CSDDataset'):
        Runner.from_cfg(cfg).train()


def test_registered_without_a_scope():
    init_default_scope('mmseg')
    assert MODELS.get('CSDLoss') and DATASETS.get('CSDDataset')
    assert TRANSFORMS.get('CSDCopyPaste')
    assert DATA_SAMPLERS.get('SeededSampler')


TWO_RANKS = """
import json
import os
import sys
import tests.conftest
import torch
from mmengine.dist import all_gather, get_rank
from mmengine.runner import Runner
from mmseg_wsss.jobs import launch
from mmseg_wsss.structures import find_paste_views
from pathlib import Path
from tests import tiny


def main():
    torch.set_num_threads(1)
    cfg = tiny.csd_config(Path(sys.argv[1]), Path(sys.argv[2]))
    cfg.launcher = 'pytorch'
    cfg.train_dataloader.batch_size = 1
    launch.get_device = lambda: 'cpu'
    launch.prepare_launch(cfg, 'pytorch')
    runner = Runner.from_cfg(cfg)
    runner.train()
    weight = runner.model.module.backbone.conv.weight
    first, second = all_gather(weight.detach())
    assert torch.equal(first, second)
    views = [
        len(find_paste_views(batch['data_samples']))
        for batch in runner.train_dataloader
    ]
    counts = all_gather(torch.tensor(views))
    if get_rank() == 0:
        Path(sys.argv[3]).write_text(json.dumps([c.tolist() for c in counts]))


main()
# Gloo's threads can abort or stall an interpreter that winds down.
torch.distributed.barrier()
os._exit(0)
"""


def test_two_ranks_of_which_one_may_have_no_views(tiny_root, tmp_path):
    script = tmp_path / 'two.py'
    script.write_text(TWO_RANKS)
    done = run_ranks(
        2, script, tiny_root, tmp_path / 'work', tmp_path / 'views.json'
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = json.loads((tmp_path / 'views.json').read_text())
    # In some step only one of the ranks had something to compare.
    assert any(a != b for a, b in zip(first, second, strict=True))


def test_every_parameter_keeps_a_gradient_without_views(tiny_root, tmp_path):
    cfg = tiny.csd_config(tiny_root, tmp_path / 'work')
    runner = Runner.from_cfg(cfg)
    runner.call_hook('before_run')
    runner.load_or_resume()
    hook = runner.hooks[
        [type(h).__name__ for h in runner.hooks].index('WeakSupervisionHook')
    ]
    hook._attach(runner.model)
    item = runner.build_dataloader(cfg.train_dataloader).dataset[0]
    assert 'paste_views' not in item['data_samples']
    batch = {key: [value] for key, value in item.items()}
    batch = runner.model.data_preprocessor(batch, True)
    losses = runner.model(**batch, mode='loss')
    total = losses['decode.loss_gap'] + losses['decode.loss_csd']
    total.backward()
    assert losses['decode.loss_csd'] == 0
    for parameter in runner.model.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()
