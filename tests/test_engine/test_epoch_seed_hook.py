import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from mmseg_wsss.datasets import (
    COCO2014Dataset,
    ScenesDataset,
    SeededSegDataset,
    SeededVOCDataset,
)
from mmseg_wsss.datasets.seeded_sampler import SeededIndex
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


@pytest.mark.parametrize(
    'kind',
    [ScenesDataset, COCO2014Dataset, SeededSegDataset, SeededVOCDataset],
)
def test_an_item_is_drawn_under_its_index_seed(monkeypatch, kind):
    monkeypatch.setattr(
        'mmseg.datasets.BaseSegDataset.__getitem__',
        lambda self, idx: (int(idx), random.random(), np.random.rand()),
    )
    images = kind.__new__(kind)
    index = SeededIndex.of(5, seed=1, epoch=2)
    first = images[index]
    random.random(), np.random.rand()
    assert images[index] == first
    assert images[SeededIndex.of(5, seed=1, epoch=3)] != first
    assert images[5] != images[5]


@pytest.mark.usefixtures('on_cpu')
@pytest.mark.parametrize('num_workers', [0, 1])
def test_a_resumed_run_is_the_uninterrupted_one(
    tiny_root, tmp_path, num_workers
):
    # Workers that persist take a number of the main process in the first
    # epoch of a process only.
    def train(work_dir, **changes):
        head = dict(tiny.fcn_head(), dropout_ratio=0.5)
        cfg = tiny.config(tiny_root, head, work_dir)
        cfg.custom_hooks.append(dict(type='mmseg_wsss.EpochSeedHook'))
        cfg.train_cfg.max_epochs = 3
        cfg.train_dataloader.num_workers = num_workers
        cfg.train_dataloader.persistent_workers = num_workers > 0
        cfg.train_dataloader.sampler.type = 'mmseg_wsss.SeededSampler'
        dataset = cfg.train_dataloader.dataset
        dataset.type = 'mmseg_wsss.SeededSegDataset'
        flip = dict(type='RandomFlip', prob=0.5)
        dataset.pipeline.insert(2, flip)
        dataset.pipeline.insert(3, dict(type='PhotoMetricDistortion'))
        cfg.merge_from_dict(changes)
        runner = Runner.from_cfg(cfg)
        runner.train()
        return runner.model.state_dict()

    whole = train(tmp_path / 'whole')
    resumed = train(
        tmp_path / 'resumed',
        resume=True,
        load_from=str(tmp_path / 'whole' / 'epoch_1.pth'),
    )
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name
