"""CSDDataset: pairs, seeds and workers, reports."""

import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import RepeatDataset
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS
from torch.utils.data import ConcatDataset

from mmseg_wsss.datasets import training_labels
from mmseg_wsss.datasets.csd_dataset import CSDDataset
from mmseg_wsss.datasets.label_files.load import cooccurrence
from mmseg_wsss.datasets.seeded_sampler import SeededIndex, item_seed
from mmseg_wsss.datasets.training_checks import label_losing_transform
from mmseg_wsss.datasets.training_labels import (
    label_statistics,
    load_label_matrix,
    wrapper_transforms,
)
from mmseg_wsss.structures import find_paste_views
from tests import tiny

PASTE = dict(type='mmseg_wsss.CSDCopyPaste')
PACK = dict(type='mmseg_wsss.PackWSSSInputs')


def dataset_config(root, *augmentations, **options):
    """CSDDataset on six tiny images: two of one class, four of two."""
    cfg = tiny.csd_config(root, root / 'work')
    dataset = cfg.train_dataloader.dataset
    dataset.dataset.pipeline.extend(augmentations)
    dataset.update(options)
    init_default_scope('mmseg')
    return cfg, dataset


def build(root, **options):
    return DATASETS.build(dataset_config(root, **options)[1])


def has_views(item):
    return 'paste_views' in item['data_samples']


def test_only_multi_label_images_get_a_partner(tiny_root):
    dataset = build(tiny_root)
    several = dataset.partners.num_labels > 1
    assert len(dataset) == 6 and several.sum() == 4
    for index in range(6):
        item = dataset[index]
        assert has_views(item) == several[index]
        if has_views(item):
            views = item['data_samples'].paste_views
            assert views.source_labels.sum() == 2
            merged = item['data_samples'].image_labels + views.source_labels
            assert torch.equal(views.labels, merged.clamp(max=1))
            assert views.source.dtype == torch.uint8
            assert views.source.shape == item['inputs'].shape


def test_counts_and_labels_are_found_through_the_wrapper(tiny_root):
    dataset = build(tiny_root)
    assert label_statistics(dataset).num_images == 6
    assert label_losing_transform(dataset) is None
    both = ConcatDataset([dataset, dataset])
    steps = [type(step).__name__ for step in wrapper_transforms(both)]
    assert steps.count('CSDCopyPaste') == 2
    assert dataset.metainfo['classes'] == tiny.CLASSES
    assert 'img_0' in dataset.get_data_info(0)['img_path']


def test_labels_are_counted_in_blocks(tiny_root, monkeypatch):
    dataset, sizes = build(tiny_root), []

    def count(labels):
        sizes.append(len(labels))
        return cooccurrence(labels)

    monkeypatch.setattr(training_labels, 'cooccurrence', count)
    monkeypatch.setattr(training_labels, '_BLOCK', 4)
    statistics = label_statistics(dataset)
    assert sizes == [4, 2] and statistics.num_images == 6
    whole = cooccurrence(load_label_matrix(dataset)[1])
    assert np.array_equal(statistics.counts, whole)


def test_the_background_index_comes_with_the_labels(tiny_root):
    cfg = dataset_config(tiny_root)[1]
    assert DATASETS.build(cfg).foreground == [1, 2, 3]
    load = next(
        step
        for step in cfg.dataset.pipeline
        if step['type'].endswith('LoadImageLabels')
    )
    load['background_index'] = None
    dataset = DATASETS.build(cfg)
    assert dataset.foreground == [0, 1, 2, 3]
    item = dataset[int(np.argmax(dataset.partners.num_labels))]
    views = item['data_samples'].paste_views
    assert views.metainfo['background_index'] is None
    assert views.source_labels.sum() == 1
    assert not views.background_mask.any()


def test_repeated_images_inside_are_refused(tiny_root):
    inner = dataset_config(tiny_root)[1].dataset
    repeated = RepeatDataset(DATASETS.build(inner), times=2)
    with pytest.raises(ValueError, match=r'6 images.*RepeatDataset has 12'):
        CSDDataset(repeated, [PASTE, PACK])


def test_a_seeded_item_repeats_and_leaves_the_generators_alone(tiny_root):
    dataset = build(tiny_root)
    np.random.seed(3)
    torch.manual_seed(3)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    sources = [
        dataset[SeededIndex.of(1, seed)]['data_samples'].paste_views.source
        for seed in (7, 7, *range(20))
    ]
    assert torch.equal(sources[0], sources[1])
    assert not all(torch.equal(sources[0], other) for other in sources)
    assert (np.random.get_state()[1] == before[0]).all()
    assert torch.equal(torch.get_rng_state(), before[1])


def batches(root, workers, epochs=2):
    flip = dict(type='RandomFlip', prob=0.5)
    cut = dict(type='RandomCrop', crop_size=(24, 24))
    _, dataset = dataset_config(root, cut, flip)
    loader = Runner.build_dataloader(
        dict(
            batch_size=2,
            num_workers=workers,
            persistent_workers=workers > 0,
            sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True),
            dataset=dataset,
        ),
        seed=5,
    )
    found = []
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            views = find_paste_views(batch['data_samples'])
            found += [*batch['inputs']]
            for view in views:
                found += [view.source, view.foreground, view.background]
                found += [view.foreground_mask, view.background_mask]
    return found


def test_workers_do_not_change_the_batches(tiny_root):
    np.random.seed(0)
    alone = batches(tiny_root, 0)
    np.random.seed(1)
    shared = batches(tiny_root, 2)
    assert len(alone) == len(shared) > 40
    assert all(map(torch.equal, alone, shared))
    half = len(alone) // 2
    first, second = alone[:half], alone[half:]
    assert not all(
        a.shape == b.shape and torch.equal(a, b)
        for a, b in zip(first, second, strict=False)
    )


def test_seeded_index_travels():
    index = pickle.loads(pickle.dumps(SeededIndex(3, 11)))
    assert index == 3 and index.seed == 11
    assert SeededIndex.of(3, 0, 1).seed != SeededIndex.of(3, 0, 2).seed
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    with item_seed(4):
        np.random.rand()
    assert (np.random.get_state()[1] != state).any()


def test_report(tiny_root, caplog, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'mmseg_wsss.datasets.csd_dataset.print_log',
        lambda text, **_: messages.append(text),
    )
    build(tiny_root)
    assert messages[0].startswith('CSD: 2 single-label and 4 multi-label')
    assert "fewest single-label images: 'blue', 0" in messages[0]
    assert 'never pastes blue: there is no' in messages[1]
    messages.clear()
    (tiny_root / 'list.txt').write_text('img_0')
    build(tiny_root)
    assert 'has no multi-label image' in messages[-1]


def test_bad_input(tiny_root):
    with pytest.raises(ValueError, match='resampling must be one of'):
        build(tiny_root, resampling='never')
    _, config = dataset_config(tiny_root)
    config.dataset.pipeline = [dict(type='LoadImageFromFile')]
    with pytest.raises(ValueError, match=r'LoadImageLabels.*inner dataset'):
        CSDDataset(**{k: v for k, v in config.items() if k != 'type'})
    (tiny_root / 'list.txt').write_text('img_1')
    with pytest.raises(ValueError, match='no image has a single label'):
        build(tiny_root)


@pytest.mark.parametrize(
    'kind', ['mmseg_wsss.PackWSSSInputs', 'PackSegInputs']
)
def test_single_images_are_not_packed(tiny_root, kind):
    with pytest.raises(ValueError, match='inside CSDDataset ends with Pack'):
        DATASETS.build(dataset_config(tiny_root, dict(type=kind))[1])
