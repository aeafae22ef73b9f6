"""Items depend on the seed, the epoch and the index, in any data set."""

import copy
import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_wsss.datasets.seeded_sampler import (
    SeededFetch,
    SeededIndex,
    SeededSampler,
)
from tests import tiny


class Foreign:
    """A data set that knows nothing of this package."""

    metainfo = dict(classes=('one',))

    def __len__(self):
        return 7

    def __getitem__(self, index):
        draws = random.random(), np.random.rand(), torch.rand(1).item()
        return dict(inputs=torch.tensor([float(index), *draws]))


def load(dataset, workers=0, epochs=(0, 1), seed=5, **sampler):
    """Load epochs; returns one stacked tensor per epoch, by index."""
    sampler = dict(type='mmseg_wsss.SeededSampler', **sampler)
    loader = Runner.build_dataloader(
        dict(
            batch_size=2,
            num_workers=workers,
            persistent_workers=workers > 0,
            sampler=sampler,
            dataset=dataset,
        ),
        seed=seed,
    )
    found = []
    for epoch in epochs:
        loader.sampler.set_epoch(epoch)
        items = [item for batch in loader for item in batch['inputs']]
        found.append(torch.stack(items))
    return found


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def test_a_foreign_data_set_does_not_depend_on_workers():
    np.random.seed(0), torch.manual_seed(0)
    alone = load(Foreign())
    np.random.seed(1), torch.manual_seed(1)
    assert all(map(torch.equal, alone, load(Foreign(), workers=2)))
    # An epoch on its own, as after a resume.
    assert torch.equal(load(Foreign(), epochs=[1])[0], alone[1])
    by_index = [epoch[epoch[:, 0].argsort()] for epoch in alone]
    assert not (by_index[0] == by_index[1])[:, 1:].any()
    assert len(set(by_index[0][:, 3].tolist())) == 7
    other = load(Foreign(), epochs=[0], seed=6)[0]
    assert not (by_index[0] == other[other[:, 0].argsort()])[:, 1:].any()


def test_the_seed_is_that_of_the_index():
    found = load(Foreign(), shuffle=False, epochs=[3])[0]
    for index, row in enumerate(found):
        seed = SeededIndex.of(index, seed=5, epoch=3).seed
        assert row[1] == torch.tensor(random.Random(seed).random())
        state = np.random.RandomState(seed)
        assert row[2] == torch.tensor(state.rand())


def test_the_generators_are_left_alone():
    dataset = Foreign()
    SeededSampler(dataset, seed=0)
    before = random.getstate(), torch.get_rng_state()
    first = dataset.__getitems__([SeededIndex(1, 3), SeededIndex(1, 3)])
    assert torch.equal(first[0]['inputs'], first[1]['inputs'])
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    plain = dataset.__getitems__([1, 1])
    assert not torch.equal(plain[0]['inputs'], plain[1]['inputs'])


def test_the_data_set_can_be_pickled_and_copied():
    dataset = Foreign()
    sampler = SeededSampler(dataset, seed=0)
    expected = dataset.__getitems__(list(sampler)[:2])
    for twin in (pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):
        assert isinstance(twin.__getitems__, SeededFetch)
        assert twin.__getitems__.dataset is twin
        found = twin.__getitems__(list(sampler)[:2])
        for one, other in zip(expected, found, strict=True):
            assert torch.equal(one['inputs'], other['inputs'])


def wrapped(single, wrapper):
    """A data set of MMSeg inside a wrapper of MMEngine or MMSeg."""
    if wrapper == 'concat':
        return dict(type='ConcatDataset', datasets=[single, single])
    if wrapper == 'repeat':
        return dict(type='RepeatDataset', dataset=single, times=2)
    if wrapper == 'balanced':
        return dict(
            type='ClassBalancedDataset',
            dataset=dict(single, type='Balanced'),
            oversample_thr=0.9,
        )
    if wrapper == 'mixed':
        pack = single.pipeline.pop()
        mosaic = dict(type='RandomMosaic', prob=0.5, img_scale=(16, 16))
        return dict(
            type='MultiImageMixDataset',
            dataset=single,
            pipeline=[mosaic, dict(type='Resize', scale=(24, 24)), pack],
        )
    return single


@DATASETS.register_module(force=True)
class Balanced(BaseSegDataset):
    """A data set with what ClassBalancedDataset asks for."""

    def get_cat_ids(self, idx):
        return [idx % 2]


@pytest.mark.parametrize(
    'wrapper', ['none', 'concat', 'repeat', 'balanced', 'mixed']
)
def test_data_sets_of_mmseg(tiny_root, tmp_path, wrapper):
    cfg = tiny.config(tiny_root, tiny.fcn_head(), tmp_path / 'work')
    single = cfg.train_dataloader.dataset
    single.pipeline[2:2] = [
        dict(type='RandomCrop', crop_size=(24, 24)),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PhotoMetricDistortion'),
    ]
    dataset = wrapped(single, wrapper)
    np.random.seed(0)
    alone = load(copy.deepcopy(dataset))
    np.random.seed(1)
    shared = load(copy.deepcopy(dataset), workers=2)
    assert all(map(torch.equal, alone, shared))
    assert len(alone[0]) >= 6 and not torch.equal(alone[0], alone[1])
