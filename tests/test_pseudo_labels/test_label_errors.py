"""Doubted labels: scores of the other images, and their ranking."""

import numpy as np
import pytest

from mmseg_wsss.pseudo_labels import label_errors as module
from mmseg_wsss.pseudo_labels.label_errors import (
    label_doubts,
    leave_one_out_scores,
    platt_logits,
)


def made_up(count=60, classes=3, channels=8, seed=0):
    """Features whose first channels show the classes, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.random((count, classes)) < 0.4
    features = rng.normal(size=(count, channels))
    features[:, :classes] += 6 * labels
    return features, labels


def naive_scores(features, labels, penalty):
    """Fit all images but one, for each of them."""
    x = features - features.mean(0)
    x = x / x.std(0)
    penalty = penalty * np.linalg.eigvalsh(x.T @ x).mean()
    scores = np.zeros(labels.shape)
    for i in range(len(x)):
        kept = np.arange(len(x)) != i
        mean, offset = x[kept].mean(0), labels[kept].mean(0)
        z = x[kept] - mean
        w = np.linalg.solve(
            z.T @ z + penalty * np.eye(x.shape[1]),
            z.T @ (labels[kept] - offset),
        )
        scores[i] = offset + (x[i] - mean) @ w
    return scores


@pytest.mark.parametrize('channels', [8, 70])
def test_scores_are_those_of_fits_without_the_image(monkeypatch, channels):
    features, labels = made_up(channels=channels)
    monkeypatch.setattr(module, 'PENALTIES', np.array([0.3]))
    found = leave_one_out_scores(features, labels)
    expected = naive_scores(features, labels, 0.3)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_each_class_has_the_penalty_of_the_least_error():
    features, labels = made_up()
    labels[:, 2] = np.random.default_rng(1).random(60) < 0.5  # unrelated
    found = leave_one_out_scores(features, labels)
    every = np.stack(
        [naive_scores(features, labels, p) for p in module.PENALTIES]
    )
    best = ((every - labels) ** 2).mean(1).argmin(0)
    assert best[2] > best[0]
    for k in range(3):
        expected = every[best[k]][:, k]
        np.testing.assert_allclose(found[:, k], expected, atol=1e-9)


def test_the_own_label_does_not_change_an_image_s_score(monkeypatch):
    features, labels = made_up()
    monkeypatch.setattr(module, 'PENALTIES', np.array([1.0]))
    before = leave_one_out_scores(features, labels)
    labels[7] = ~labels[7]
    after = leave_one_out_scores(features, labels)
    np.testing.assert_allclose(before[7], after[7], atol=1e-9)
    assert np.abs(before - after).max() > 1e-3


def test_platt_logits_have_the_largest_likelihood():
    rng = np.random.default_rng(0)
    given = rng.random(200) < 0.3
    scores = given + rng.normal(size=200)
    logits = platt_logits(scores, given)
    slope, offset = np.polyfit(scores, logits, 1)
    np.testing.assert_allclose(logits, slope * scores + offset)
    up, down = given.sum(), (~given).sum()
    target = np.where(given, (up + 1) / (up + 2), 1 / (down + 2))

    def loss(slope, offset):
        z = slope * scores + offset
        return (np.logaddexp(0, z) - target * z).sum()

    least = loss(slope, offset)
    for a, b in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        assert loss(slope + a, offset + b) > least


def test_platt_logits_of_scores_that_say_nothing_or_everything():
    given = np.array([True, True, False, False, False, False])
    prior = np.log(2 / 4)
    for scores in (np.zeros(6), -given.astype(float)):
        np.testing.assert_allclose(platt_logits(scores, given), prior)
    logits = platt_logits(given.astype(float), given)
    # Separable: the targets of Platt, 3 / 4 and 1 / 6, and no more.
    odds = np.where(given, np.log(3), np.log(1 / 5))
    np.testing.assert_allclose(logits, odds, atol=1e-6)


def test_wrong_labels_come_first():
    features, labels = made_up(count=200)
    wrong = [(3, 0), (50, 1), (90, 2), (120, 0), (160, 1), (199, 2)]
    for i, k in wrong:
        labels[i, k] = ~labels[i, k]
    found = label_doubts(features, labels)
    assert set(map(tuple, found.ranked()[:6].tolist())) == set(wrong)
    for i, k in wrong:
        assert (found.scores[i, k] < 0.5) == labels[i, k]
    order = found.doubts[tuple(found.ranked().T)]
    assert (np.diff(order) <= 0).all()


def test_doubts_by_hand():
    features, labels = made_up()
    labels[[3, 9], [0, 1]] = ~labels[[3, 9], [0, 1]]
    found = label_doubts(features, labels)
    present, absent = labels.sum(0), (~labels).sum(0)
    odds = found.scores / (1 - found.scores)
    doubted = np.isfinite(found.doubts)
    share = present / len(labels)
    expected = np.where(labels, found.scores < share, found.scores > share)
    assert (doubted == expected).all() and doubted.any()
    values = np.log(np.where(labels, 1 / (odds * absent), odds / present))
    np.testing.assert_allclose(found.doubts[doubted], values[doubted])


def test_a_rare_class_does_not_come_first():
    """Where nothing can be learned, its few images are not all doubted."""
    rng = np.random.default_rng(0)
    features, labels = made_up(count=300, classes=2)
    features = np.concatenate([features, rng.normal(size=(300, 1))], 1)
    rare = np.zeros((300, 1), bool)
    rare[:4] = True
    features[:4, -1] += 1
    labels = np.concatenate([labels, rare], 1)
    labels[100, 0] = ~labels[100, 0]
    assert label_doubts(features, labels).ranked()[0].tolist() == [100, 0]


def test_classes_that_cannot_be_compared():
    features, labels = made_up()
    labels[:, 0] = False
    labels[5, 0] = True
    labels[:, 1] = True
    found = label_doubts(features, labels)
    assert np.isnan(found.scores[:, :2]).all()
    assert np.isfinite(found.scores[:, 2]).all()
    assert set(found.ranked()[:, 1]) <= {2}
    nothing = label_doubts(features, labels[:, :2])
    assert nothing.ranked().shape == (0, 2)


def test_constant_features_contradict_nothing():
    labels = made_up()[1]
    found = label_doubts(np.ones((60, 4)), labels)
    assert not len(found.ranked())
    np.testing.assert_allclose(found.scores[0], labels.mean(0))


def test_wrong_calls():
    features, labels = made_up()
    with pytest.raises(ValueError, match=r'features \(N, D\)'):
        label_doubts(features[1:], labels)
    features[2, 3] = np.nan
    with pytest.raises(ValueError, match='not finite'):
        label_doubts(features, labels)
