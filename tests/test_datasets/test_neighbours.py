"""Nearest neighbours, their file, and the data set of pairs."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_wsss.datasets import neighbour_pairs, neighbours
from mmseg_wsss.datasets.neighbours import (
    Neighbours,
    load_neighbours,
    nearest_neighbours,
    save_neighbours,
    usable_neighbours,
)
from mmseg_wsss.datasets.seeded_sampler import SeededIndex

COUNT = 8


def test_against_a_loop(monkeypatch):
    vectors = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    whole, _ = nearest_neighbours(vectors, 3)
    monkeypatch.setattr(neighbours, 'BLOCK', 4)
    found, cosines = nearest_neighbours(vectors, 3)
    assert found.dtype == np.int32 and cosines.dtype == np.float32
    for index, vector in enumerate(vectors):
        expected = torch.cosine_similarity(vector[None], vectors)
        expected[index] = -2
        order = expected.argsort(descending=True)[:3]
        assert found[index].tolist() == order.tolist()
        assert np.allclose(cosines[index], expected[order], atol=1e-6)
    assert (whole == found).all()


def test_few_and_bad_vectors():
    found, _ = nearest_neighbours(torch.tensor([[1.0, 0], [0, 1]]), 30)
    assert found.tolist() == [[1], [0]]
    with pytest.raises(ValueError, match='at least two vectors'):
        nearest_neighbours(torch.ones(1, 3), 2)
    with pytest.raises(ValueError, match='not finite'):
        nearest_neighbours(torch.tensor([[1.0], [torch.nan]]), 1)


def ring(stems):
    """Each image's neighbours are the others, in the order of a ring."""
    count = len(stems)
    steps = np.arange(1, count)
    indices = (np.arange(count)[:, None] + steps) % count
    return Neighbours(list(stems), indices, 1 / (1 + 0 * indices + steps))


def test_file(tmp_path):
    path = tmp_path / 'neighbours.npz'
    neighbours = ring(['a', 'b', 'ä'])
    save_neighbours(path, neighbours, {'made': 'here'})
    stored, source = load_neighbours(path)
    assert stored.stems == ['a', 'b', 'ä'] and source == {'made': 'here'}
    assert (stored.indices == neighbours.indices).all()
    assert np.allclose(stored.similarities, neighbours.similarities)
    assert [p.name for p in tmp_path.iterdir()] == ['neighbours.npz']
    with pytest.raises(ValueError, match='expected 2 names'):
        save_neighbours(path, neighbours._replace(stems=['a', 'b']))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match='is not a file of neighbours'):
        load_neighbours(path)
    with pytest.raises(FileNotFoundError, match=r'make_neighbours\.py'):
        load_neighbours(tmp_path / 'none.npz')


def test_neighbours_among_some_images():
    neighbours = ring('abcde')
    lists = usable_neighbours(neighbours, ['e', 'a', 'c'], 5)
    assert [row.tolist() for row in lists] == [[1, 2], [2, 0], [0, 1]]
    assert len(usable_neighbours(neighbours, 'abcde', 2)[0]) == 2
    with pytest.raises(
        ValueError, match=r'1 of 2 images have no .*, e\.g\. f'
    ):
        usable_neighbours(neighbours, ['a', 'f'], 1)
    few = neighbours._replace(indices=neighbours.indices[:, :1])
    with pytest.raises(ValueError, match='no neighbour among these'):
        usable_neighbours(few, ['a', 'c'], 1)


@pytest.fixture
def root(tmp_path):
    """Noisy pictures whose mean grey level tells which they are."""
    rng = np.random.default_rng(0)
    stems = [f'p{index}' for index in range(COUNT)]
    (tmp_path / 'images').mkdir()
    for index, stem in enumerate(stems):
        picture = rng.integers(0, 3, (24, 24, 3)) + 20 * index
        Image.fromarray(picture.astype(np.uint8)).save(
            tmp_path / 'images' / f'{stem}.png'
        )
    (tmp_path / 'list.txt').write_text('\n'.join(stems))
    save_neighbours(tmp_path / 'neighbours.npz', ring(stems))
    return tmp_path


def pairs(root, pack=True, part='train', **options):
    init_default_scope('mmseg')
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='RandomCrop', crop_size=(16, 16)),
    ]
    return dict(
        type='mmseg_wsss.NeighbourPairs',
        neighbours=str(root / 'neighbours.npz'),
        part=part,
        dataset=dict(
            type='BaseSegDataset',
            metainfo=dict(classes=('one',), palette=[[0, 0, 0]]),
            data_prefix=dict(img_path=str(root / 'images')),
            img_suffix='.png',
            ann_file=str(root / 'list.txt'),
            pipeline=pipeline + [dict(type='PackSegInputs')] * pack,
        ),
        **options,
    )


def which(picture):
    return int(picture.float().mean() // 20)


def test_pairs(root):
    dataset = DATASETS.build(pairs(root, k=3))  # without the first image
    assert len(dataset) == COUNT - 1
    assert dataset.metainfo['classes'] == ('one',)
    partners = set()
    for seed in range(40):
        item = dataset[SeededIndex.of(5, seed)]
        assert which(item['inputs']) == 6
        assert item['inputs'].shape == item['neighbours'].shape == (3, 16, 16)
        partners.add(which(item['neighbours']))
    assert partners == {7, 1, 2}
    assert 'p6' in item['data_samples'].img_path


def test_parts(root, monkeypatch):
    monkeypatch.setattr(neighbour_pairs, 'EVERY', 4)
    train = DATASETS.build(pairs(root, k=2))
    assert train.indices == [1, 2, 3, 5, 6, 7]
    # Images 0 and 4 are held out, the next ones of the ring take their place.
    near = [list(train.neighbours_of(i)) for i in range(len(train))]
    assert near == [[2, 3], [3, 5], [5, 6], [6, 7], [7, 1], [1, 2]]
    held = DATASETS.build(pairs(root, k=2, part='held_out'))
    assert held.indices == [0, 4]
    assert [which(item['neighbours']) for item in held] == [1, 5]
    assert 'p4' in held.get_data_info(1)['img_path']
    torch.manual_seed(1)
    first = held[0]['inputs']
    torch.manual_seed(2)
    assert torch.equal(first, held[0]['inputs'])


def test_bad_pairs(root):
    with pytest.raises(ValueError, match=r"part must be one of .* got 'val'"):
        DATASETS.build(pairs(root, part='val'))
    with pytest.raises(ValueError, match='k must be >= 1'):
        DATASETS.build(pairs(root, k=0))
    with pytest.raises(ValueError, match='PackSegInputs'):
        DATASETS.build(pairs(root, pack=False))[0]
    save_neighbours(root / 'neighbours.npz', ring(['p0', 'q1']))
    with pytest.raises(ValueError, match=r'7 of 7 images .* e\.g\. p1'):
        DATASETS.build(pairs(root))


def batches(root, workers):
    loader = Runner.build_dataloader(
        dict(
            batch_size=4,
            num_workers=workers,
            persistent_workers=workers > 0,
            sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True),
            dataset=pairs(root),
        ),
        seed=5,
    )
    found = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            found += [*batch['inputs'], *batch['neighbours']]
    return found


def test_workers_do_not_change_the_batches(root):
    np.random.seed(0)
    alone = batches(root, 0)
    np.random.seed(1)
    shared = batches(root, 2)
    assert len(alone) == len(shared) == 4 * (COUNT - 1)
    assert all(map(torch.equal, alone, shared))
    half = len(alone) // 2
    assert not all(map(torch.equal, alone[:half], alone[half:]))
