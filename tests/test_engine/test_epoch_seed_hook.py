import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_wsss.engine.hooks import EpochSeedHook
from tests import tiny


def draws(seed, epoch):
    EpochSeedHook().before_train_epoch(SimpleNamespace(seed=seed, epoch=epoch))
    return random.random(), np.random.rand(), torch.rand(1).item()


@pytest.fixture(autouse=True)
def kept_states():
    """Leave the generators as they were to the other tests."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def test_an_epoch_has_its_numbers_whatever_came_before():
    first = draws(0, 3)
    draws(0, 4), torch.rand(7)
    assert draws(0, 3) == first


def test_seeds_and_epochs_have_other_numbers():
    made = {draws(seed, epoch) for seed in (0, 1) for epoch in (0, 1)}
    assert len(made) == 4
    # Not the same under a sum of seed and epoch.
    assert draws(0, 1) != draws(1, 0)


def test_ranks_have_other_numbers(monkeypatch):
    first = draws(0, 0)
    monkeypatch.setattr(
        'mmseg_wsss.engine.hooks.epoch_seed_hook.get_rank', lambda: 1
    )
    assert draws(0, 0) != first


@DATASETS.register_module(force=True)
class ForeignDataset(BaseSegDataset):
    """A data set that knows nothing of this package, and draws itself."""

    def __getitem__(self, idx):
        item = super().__getitem__(idx)
        noise = np.random.randint(0, 30, item['inputs'].shape)
        item['inputs'] = item['inputs'] // 2 + torch.from_numpy(noise).byte()
        return item


def train(root, work_dir, num_workers, dropout=0.5, **changes):
    """Train on augmented images; returns the weights."""
    head = dict(tiny.fcn_head(), dropout_ratio=dropout)
    cfg = tiny.config(root, head, work_dir)
    cfg.custom_hooks.append(dict(type='mmseg_wsss.EpochSeedHook'))
    cfg.train_cfg.max_epochs = 3
    cfg.train_dataloader.num_workers = num_workers
    cfg.train_dataloader.persistent_workers = num_workers > 0
    cfg.train_dataloader.sampler.type = 'mmseg_wsss.SeededSampler'
    dataset = cfg.train_dataloader.dataset
    dataset.type = 'ForeignDataset'
    flip = dict(type='RandomFlip', prob=0.5)
    dataset.pipeline.insert(2, flip)
    dataset.pipeline.insert(3, dict(type='PhotoMetricDistortion'))
    for key in ('train_cfg', 'default_hooks'):
        cfg[key] = changes.pop(key, cfg[key])
    cfg.merge_from_dict(changes)
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner.model.state_dict()


def assert_equal(whole, other):
    for name, value in whole.items():
        assert torch.equal(value, other[name]), name


@pytest.mark.usefixtures('on_cpu')
@pytest.mark.parametrize(
    ('num_workers', 'then'),
    [
        (0, 0),
        pytest.param(1, 1, marks=pytest.mark.slow),
        pytest.param(2, 0, marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_is_the_uninterrupted_one(
    tiny_root, tmp_path, num_workers, then
):
    # Workers that persist draw a number of the main process in the first
    # epoch of a process only.
    whole = train(tiny_root, tmp_path / 'whole', num_workers)
    for epoch in (1, 2):
        resumed = train(
            tiny_root,
            tmp_path / f'resumed_{epoch}',
            then,
            resume=True,
            load_from=str(tmp_path / 'whole' / f'epoch_{epoch}.pth'),
        )
        assert_equal(whole, resumed)


@pytest.mark.usefixtures('on_cpu')
@pytest.mark.parametrize(
    'num_workers', [0, pytest.param(2, marks=pytest.mark.slow)]
)
def test_a_run_resumed_within_an_epoch(
    tiny_root, tmp_path, num_workers, monkeypatch
):
    # Loops that count iterations wait two seconds between epochs.
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)
    loop = dict(type='IterBasedTrainLoop', max_iters=5, val_interval=9)
    save = dict(type='CheckpointHook', interval=1, by_epoch=False)
    by_iteration = dict(train_cfg=loop, default_hooks=dict(checkpoint=save))
    whole = train(
        tiny_root, tmp_path / 'whole', num_workers, 0, **by_iteration
    )
    for iteration in (2, 4):
        resumed = train(
            tiny_root,
            tmp_path / f'resumed_{iteration}',
            num_workers,
            0,
            resume=True,
            load_from=str(tmp_path / 'whole' / f'iter_{iteration}.pth'),
            **by_iteration,
        )
        assert_equal(whole, resumed)
