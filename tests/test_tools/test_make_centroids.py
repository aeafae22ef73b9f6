"""tools/make_centroids.py as a process: ranks, restart, bad files."""

import json

import numpy as np
import pytest

from mmseg_wsss.io.centroid_shards import (
    load_shards,
    save_shard,
    shard_names,
)
from mmseg_wsss.io.centroids import load_centroids
from mmseg_wsss.io.features import save_features
from mmseg_wsss.io.provenance import save_source
from mmseg_wsss.jobs.output_folder import OutputFolder
from tests import tiny
from tests.test_tools.test_train_and_dump import call, files

TOOL = 'tools/make_centroids.py'
COUNT = 9


@pytest.fixture
def data(tmp_path):
    """A data set with pseudo labels and features, and a config."""
    root = tmp_path / 'tiny'
    tiny.make_dataset(root, count=COUNT)
    rng = np.random.default_rng(0)
    for index in range(COUNT):
        features = rng.normal(size=(5, 8, 8))
        save_features(root / 'features' / f'img_{index}.npy', features)
    cfg = tiny.config(root, tiny.fcn_head(), tmp_path / 'work')
    cfg.log_level = 'INFO'
    cfg.centroid_pipeline = [
        dict(type='LoadImageFromFile', imdecode_backend='pillow'),
        cfg.test_dataloader.dataset.pipeline[2],
        dict(
            type='mmseg_wsss.LoadPseudoLabel', label_dir=str(root / 'pseudo')
        ),
        dict(
            type='mmseg_wsss.LoadFeatures', feature_dir=str(root / 'features')
        ),
        dict(type='mmseg_wsss.RegionCentroids'),
    ]
    cfg.selection = dict(alpha=0.4)
    cfg.dump(tmp_path / 'config.py')
    return tmp_path


def run(data, out, *arguments, ranks=1, fails=False):
    command = TOOL, data / 'config.py', '--out-dir', out, '--shard-size', '2'
    launcher = ['--launcher', 'pytorch'] if ranks > 1 else []
    return call(*command, *launcher, *arguments, ranks=ranks, fails=fails)


def test_two_ranks_and_workers_give_the_same_bytes(data):
    output = run(data, data / 'one')
    assert 'clustering 9 images' in output
    found = load_centroids(data / 'one' / 'centroids.npz')
    labels = json.loads((data / 'tiny' / 'image_labels.json').read_text())
    for k, count, kept in zip(
        found.class_ids, found.found, found.kept, strict=True
    ):
        images = sum(tiny.CLASSES[k] in names for names in labels.values())
        assert count == 2 * images and kept == -(-4 * count // 10)
    run(data, data / 'two', '--num-workers', '1', ranks=2)
    one, two = files(data / 'one'), files(data / 'two')
    assert len([name for name in one if 'shards' in str(name)]) == 5
    assert one == two


def test_it_goes_on_and_selects_again(data):
    run(data, data / 'out')
    before = files(data / 'out')
    (data / 'out' / 'shards' / '000002.npz').unlink()
    (data / 'out' / 'centroids.npz').unlink()
    output = run(data, data / 'out')
    assert '2 of 2 images' in output
    assert files(data / 'out') == before
    # Nothing new: labels made with the file must not be refused.
    centroids = data / 'out' / 'centroids.npz'
    date = centroids.stat().st_mtime_ns
    run(data, data / 'out')
    assert centroids.stat().st_mtime_ns == date
    # Another alpha: nothing is clustered again.
    alpha = 'selection.alpha=1.0'
    output = run(data, data / 'out', '--cfg-options', alpha)
    assert 'images,' not in output
    found = load_centroids(data / 'out' / 'centroids.npz')
    assert np.array_equal(found.found, found.kept)
    # Another clustering: not into the same folder.
    other = 'centroid_pipeline.4.foreground=3'
    output = run(data, data / 'out', '--cfg-options', other, fails=True)
    assert 'made with another pipeline' in output
    features = data / 'tiny' / 'features' / 'img_5.npy'
    features.rename(data / 'away.npy')
    again = '--overwrite', '--cfg-options', other
    run(data, data / 'out', *again, fails=True)
    assert not centroids.exists()  # the old ones are not of these settings
    (data / 'away.npy').rename(features)
    run(data, data / 'out', '--cfg-options', other)
    three = load_centroids(centroids)
    assert three.found.sum() * 2 == found.found.sum() * 3


def test_an_image_that_fails_costs_its_shard_only(data):
    features = data / 'tiny' / 'features' / 'img_5.npy'
    features.rename(data / 'away.npy')
    output = run(data, data / 'out', fails=True)
    assert '1 images failed' in output and 'img_5' in output
    shards = sorted(p.name for p in (data / 'out' / 'shards').iterdir())
    assert shards == [f'{k:06}.npz' for k in (0, 1, 3, 4)]
    assert not (data / 'out' / 'centroids.npz').exists()
    (data / 'away.npy').rename(features)
    output = run(data, data / 'out')
    assert '2 of 2 images' in output
    assert (data / 'out' / 'centroids.npz').exists()


def test_what_cannot_work_is_said(data):
    wrong = 'selection.alpha=2.0'
    output = run(data, data / 'o', '--cfg-options', wrong, fails=True)
    assert 'alpha must be in (0, 1]' in output
    output = run(data, data / 'o', '--pipeline', 'no_such', fails=True)
    assert 'no list of transforms named no_such' in output
    last = 'centroid_pipeline.4.type=mmseg_wsss.ScoresToLabel'
    output = run(data, data / 'p', '--cfg-options', last, fails=True)
    assert 'ends in dict(type=' in output
    wrong = 'selection.portion=0.3'
    output = run(data, data / 'q', '--cfg-options', wrong, fails=True)
    assert "selection takes dict(alpha=0.4, distance='mean')" in output


def test_a_missing_shard_is_found(tmp_path):
    names = shard_names(5, 2)
    assert names == ['000000', '000001', '000002']
    assert shard_names(4, 2) == names[:2]
    with pytest.raises(ValueError, match='at least 1'):
        shard_names(4, 0)
    shards = tmp_path / 'shards'
    shards.mkdir()
    (shards / '000001.npz').write_bytes(b'')
    save_source(tmp_path, {})
    out = OutputFolder(tmp_path, [shards], names, {})
    assert out.find_todo() == [0, 2]
    with pytest.raises(ValueError, match='lacks the files 000000, 000002'):
        out.check_complete()


def test_shards_of_other_features_are_refused(tmp_path):
    for number, channels in enumerate((3, 3, 4)):
        clusters = [(np.ones((2, channels), np.float32), np.array([0, 1]))]
        save_shard(tmp_path / f'00000{number}.npz', [number], clusters)
    shards = load_shards(tmp_path)
    assert [int(next(shards)[2][0]) for _ in range(2)] == [0, 1]
    with pytest.raises(ValueError, match=r'000002.npz has 4 channels'):
        next(shards)
    (tmp_path / '000000.npz').write_bytes(b'half')
    with pytest.raises(ValueError, match='damaged'):
        next(load_shards(tmp_path))
