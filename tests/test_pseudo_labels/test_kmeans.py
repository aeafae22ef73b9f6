"""K-means against the definition."""

import sys

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.pseudo_labels import kmeans
from mmseg_wsss.pseudo_labels.kmeans import split_by_axis


def blobs(count, spread=0.1, seed=0, size=30, channels=6):
    generator = torch.Generator().manual_seed(seed)
    centres = 3 * F.normalize(torch.eye(channels)[:count], dim=1)
    noise = torch.randn(count, size, channels, generator=generator)
    points = (centres[:, None] + spread * noise).flatten(0, 1)
    order = torch.randperm(len(points), generator=generator)
    return points[order], (torch.arange(len(points)) // size)[order]


@pytest.mark.parametrize('count', [1, 2, 3, 5])
def test_separate_blobs_are_found(count):
    points, truth = blobs(count)
    found = kmeans(points, count)
    assert found.centroids.shape == (count, 6)
    pairs = set(zip(truth.tolist(), found.assignment.tolist(), strict=True))
    assert len(pairs) == count  # one cluster per blob


def iterations(monkeypatch, count):
    module = sys.modules[split_by_axis.__module__]
    monkeypatch.setattr(module, 'ITERATIONS', count)


def test_centroids_are_means_of_their_points(monkeypatch):
    iterations(monkeypatch, 1)
    points = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    found = kmeans(points, 3)
    for k in range(3):
        mean = F.normalize(points, dim=1)[found.assignment == k].mean(0)
        torch.testing.assert_close(found.centroids[k], mean)


def test_each_point_is_nearest_to_its_own_centroid(monkeypatch):
    iterations(monkeypatch, 100)
    points = torch.randn(80, 5, generator=torch.Generator().manual_seed(2))
    found = kmeans(points, 4)
    directions = F.normalize(found.centroids, dim=1)
    nearest = (F.normalize(points, dim=1) @ directions.T).argmax(1)
    assert torch.equal(nearest, found.assignment)


def test_cosine_does_not_see_lengths():
    points, _ = blobs(3)
    scale = torch.linspace(0.5, 4, len(points))[:, None]
    one, other = kmeans(points, 3), kmeans(scale * points, 3)
    assert torch.equal(one.assignment, other.assignment)
    torch.testing.assert_close(one.centroids, other.centroids)


def test_it_is_repeatable():
    points = torch.randn(60, 3, generator=torch.Generator().manual_seed(3))
    plain = kmeans(points, 5)
    assert torch.equal(plain.assignment, kmeans(points, 5).assignment)


def test_the_axis_splits_the_longest_extent():
    points = torch.tensor([[-5.0, 0.1], [-4, -0.1], [4, 0.1], [5, -0.1]])
    means = split_by_axis(points, 2)
    order = means[:, 0].argsort()
    expected = torch.tensor([[-4.5, 0], [4.5, 0]])
    torch.testing.assert_close(means[order], expected)


def test_points_that_coincide_make_fewer_clusters():
    points = torch.ones(6, 3)
    found = kmeans(points, 3)
    assert len(found.centroids) == 1
    assert found.assignment.tolist() == [0] * 6
    zero = kmeans(torch.zeros(4, 3), 2)
    assert torch.isfinite(zero.centroids).all()


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match='2 points cannot make 3 clusters'):
        kmeans(torch.randn(2, 3), 3)
    with pytest.raises(ValueError, match=r'float \(n, D\)'):
        kmeans(torch.ones(4, 3, dtype=torch.int64), 2)
