"""A training loader without a batch is an error, in one sentence."""

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmseg_wsss.datasets import batch_count
from mmseg_wsss.datasets.batch_count import (
    check_batch_count,
    check_length,
    split_batch,
)
from tests import tiny
from tests.test_tools.test_train_and_dump import call


def loader(images, batch, ranks=1, sampler=DefaultSampler, drop_last=True):
    dataset = torch.arange(images)
    sampler = sampler(dataset)
    if ranks > 1:
        sampler.num_samples = -(-images // ranks)
    return DataLoader(dataset, batch, sampler=sampler, drop_last=drop_last)


@pytest.mark.parametrize(
    ('images', 'batch', 'ranks', 'parts'),
    [
        (3, 4, 1, ['3 images, and batches of 4', 'batch_size to at most 3']),
        (3, 4, 2, ['2 for each of 2 ranks', 'at most 2', 'fewer ranks']),
        (0, 2, 1, ['0 images', 'check ann_file']),
    ],
)
def test_no_batch(monkeypatch, images, batch, ranks, parts):
    monkeypatch.setattr(batch_count, 'get_world_size', lambda: ranks)
    with pytest.raises(ValueError, match='training has no batch') as error:
        check_batch_count(loader(images, batch, ranks))
    assert all(part in str(error.value) for part in parts), error.value


def test_ranks_share_a_batch():
    cfg = Config(dict(train_dataloader=dict(batch_size=10)))
    with pytest.raises(ValueError, match=r'4 ranks cannot .* 1, 2, 5, 10 can'):
        split_batch(cfg, 4)
    split_batch(cfg, 5)
    assert cfg.train_dataloader.batch_size == 2


def test_some_batch():
    check_batch_count(loader(3, 3))
    check_batch_count(loader(3, 4, drop_last=False))
    # Its epochs never end, so that batches are full.
    check_batch_count(loader(3, 4, sampler=InfiniteSampler))


@pytest.mark.parametrize('converts', [False, True])
def test_train_says_so(tiny_root, tmp_path, converts):
    """Schedules in iterations, which MMEngine builds first, or in epochs."""
    cfg = tiny.config(tiny_root, tiny.cam_head(), tmp_path / 'work')
    cfg.train_dataloader.update(batch_size=7, drop_last=True)
    cfg.param_scheduler = [
        dict(
            type='PolyLR',
            begin=0,
            end=1,
            by_epoch=True,
            convert_to_iter_based=converts,
        )
    ]
    if not converts:
        with pytest.raises(ValueError, match='training has no batch'):
            Runner.from_cfg(cfg).train()
    cfg.dump(tmp_path / 'cam.py')
    output = call('tools/train.py', tmp_path / 'cam.py', fails=True)
    assert output.strip().splitlines()[-1] == (
        'error: training has no batch: there are 6 images, and batches of 7 '
        'with drop_last=True: set train_dataloader.batch_size to at most 6'
    )


@pytest.mark.parametrize('count', [1, 3])
def test_few_images_on_two_ranks(tmp_path, count):
    """A rank without an image of its own trains, writes CAMs and evaluates."""
    tiny.make_dataset(tmp_path / 'tiny', count=count)
    cfg = tiny.config(tmp_path / 'tiny', tiny.cam_head(), tmp_path / 'work')
    cfg.log_level = 'INFO'
    cfg.dump(tmp_path / 'cam.py')
    ranks = ('--launcher', 'pytorch')
    call('tools/train.py', tmp_path / 'cam.py', *ranks, ranks=2)
    checkpoint = tmp_path / 'work' / 'epoch_1.pth'
    out = tmp_path / 'cams'
    call(
        *('tools/make_cams.py', tmp_path / 'cam.py', checkpoint),
        *('--out-dir', out, *ranks),
        ranks=2,
    )
    assert len(list((out / 'cams').glob('*.npz'))) == count
    assert len(list((out / 'labels').glob('*.png'))) == count


@pytest.mark.parametrize('key', ['max_epochs', 'max_iters'])
def test_no_step(tiny_root, tmp_path, key):
    """The error names the key."""
    cfg = tiny.config(tiny_root, tiny.cam_head(), tmp_path / 'work')
    for length in (0, -1):
        cfg.train_cfg = dict(
            {'by_epoch': key == 'max_epochs', key: length}, val_interval=1
        )
        loop = Runner.from_cfg(cfg).train_loop
        with pytest.raises(
            ValueError, match=rf'no step: train_cfg\.{key} is {length};'
        ):
            check_length(loop)
    cfg.train_cfg[key] = 1
    check_length(Runner.from_cfg(cfg).train_loop)
