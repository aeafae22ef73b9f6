"""The benchmark of wrong labels: what it corrupts, counts and corrects."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_wsss.pseudo_labels.label_errors import LabelDoubts

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def bench(monkeypatch):
    """The module benchmarks/label_errors.py."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    names = ('label_errors', 'runs')
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module('label_errors')
    for name in names:
        sys.modules.pop(name, None)


def labels_of(count=400):
    labels = np.random.default_rng(5).random((count, 4)) < 0.4
    labels[~labels.any(1), 0] = True
    return labels


def test_one_label_in_twenty_is_wrong(bench):
    labels = labels_of()
    wrong, change = bench.corrupt(labels, seed=0)
    count = round(0.05 * labels.sum())
    difference = wrong.astype(int) - labels
    assert np.abs(difference).sum() == count
    np.testing.assert_array_equal(difference.sum(1), change)
    assert (change < 0).sum() == count // 2
    assert wrong.any(1).all()
    same, _ = bench.corrupt(labels, seed=0)
    other, _ = bench.corrupt(labels, seed=1)
    assert (same == wrong).all() and (other != wrong).any()


def test_what_is_counted_and_corrected(bench, monkeypatch):
    monkeypatch.setattr(bench, 'FIRST', 10)
    labels = labels_of()
    run = bench.Run.__new__(bench.Run)
    run.images = SimpleNamespace(labels=labels)
    run.wrong, run.change = bench.corrupt(labels, seed=0)
    added = np.flatnonzero(run.change == 1)[:3]
    removed = np.flatnonzero(run.change == -1)[:2]
    doubts = np.full(labels.shape, -np.inf)
    doubts[np.flatnonzero(run.change == 0)[:40], 1] = 1
    doubts[added, 0], doubts[removed, 3] = 3, 2
    found = LabelDoubts(doubts, doubts)
    assert list(bench.first_images(found)[:5]) == [*added, *removed]
    figures = run.figures(found)
    assert figures['precision'] == pytest.approx(50)
    assert (figures['added'], figures['removed']) == (3, 2)
    count = (run.change != 0).sum()
    assert figures['wrong'] == count
    assert figures['random'] == pytest.approx(100 * count / 400)
    changed = (run.corrected(found) != run.wrong).any(1)
    assert set(np.flatnonzero(changed)) == {*added, *removed}
    assert (run.corrected(found)[added] == labels[added]).all()
