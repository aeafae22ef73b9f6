"""MARS on tensors: numbers by hand, plain loops, what the paper states."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.pseudo_labels import (
    background_distance,
    debiased_label,
    kmeans,
    mars,
    nearest_background_distance,
    region_clusters,
    select_debiased,
    similarity_map,
    top_fraction,
)
from mmseg_wsss.pseudo_labels.mars import (
    cell_labels,
    direction_sum,
    mask_scores,
)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def cosine(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


class TestDistances:
    def test_eq_1_is_one_product(self):
        """Equal to the mean over all pairs, to 1e-12."""
        centroids, background = randn(7, 5), randn(11, 5, seed=1)
        literal = [
            np.mean([(1 - cosine(v, b)) / 2 for b in background])
            for v in centroids
        ]
        mean = direction_sum(background) / len(background)
        distances = background_distance(centroids, mean)
        assert distances.dtype == torch.float64
        np.testing.assert_allclose(distances.numpy(), literal, atol=1e-12)

    def test_nearest(self, monkeypatch):
        centroids, background = randn(6, 4), randn(9, 4, seed=1)
        literal = [
            min((1 - cosine(v, b)) / 2 for b in background) for v in centroids
        ]
        for block in (2, 9, 100):
            monkeypatch.setattr(mars, 'BLOCK', block)
            found = nearest_background_distance(centroids, background)
            np.testing.assert_allclose(found.numpy(), literal, atol=1e-12)

    def test_range(self):
        v = torch.tensor([[1.0, 0], [0, 2], [-3, 0]])
        direction = torch.tensor([1.0, 0])
        expected = torch.tensor([0, 0.5, 1], dtype=torch.float64)
        torch.testing.assert_close(background_distance(v, direction), expected)

    @pytest.mark.parametrize('count', [1, 2, 5, 10, 25, 70])
    def test_alpha_is_rounded_up(self, count):
        """ceil(0.4 * 2 N_c), e.g. 4 of 10 and not 5."""
        exact = -(-4 * count // 10)
        assert len(top_fraction(torch.rand(count), 0.4)) == exact
        assert len(top_fraction(torch.rand(count), 1)) == count
        exact = math.ceil(7 * count / 100)
        assert len(top_fraction(torch.rand(count), 0.07)) == exact
        assert len(top_fraction(torch.rand(count), 1e-12)) == 1

    def test_the_farthest_come_first_and_ties_by_position(self):
        distances = torch.tensor([0.1, 0.9, 0.5, 0.9, 0.2])
        assert top_fraction(distances, 0.6).tolist() == [1, 3, 2]
        with pytest.raises(ValueError, match='alpha must be in'):
            top_fraction(distances, 0)


class TestRegions:
    def test_a_cell_has_the_class_of_most_labelled_pixels(self):
        label = torch.zeros(4, 6, dtype=torch.int64)
        label[:2, :2] = torch.tensor([[1, 1], [1, 2]])
        label[:2, 2:4] = torch.tensor([[255, 255], [255, 2]])
        label[:2, 4:] = 254
        label[2:, :2] = torch.tensor([[2, 2], [1, 1]])
        cells = cell_labels(label, (2, 3), [0, 1, 2])
        assert cells.tolist() == [[1, 2, 255], [1, 0, 0]]
        assert (cell_labels(label, (2, 3), []) == 255).all()

    def test_grids_that_do_not_divide_the_image(self):
        label = torch.zeros(7, 10, dtype=torch.int64)
        label[:, 5:] = 3
        cells = cell_labels(label, (3, 4), [0, 3])
        assert cells.tolist() == [[0, 0, 3, 3]] * 3

    def test_clusters_of_each_region(self):
        """Two objects under class 1, one backdrop; owners fit centroids."""
        features = torch.zeros(3, 4, 4)
        features[0, :2], features[1, 2:, :2], features[2, 2:, 2:] = 1, 1, 1
        label = torch.zeros(8, 8, dtype=torch.int64)
        label[:, :4] = 1
        found = region_clusters(features, label, {0: 2, 1: 2, 2: 2}, kmeans)
        assert found.classes.tolist() == [0, 0, 1, 1]
        eye = torch.eye(3)
        for row, column, channel in (
            (0, 0, 0),
            (3, 0, 1),
            (0, 3, 0),
            (3, 3, 2),
        ):
            owner = int(found.cells[row, column])
            assert found.classes[owner] == (1 if column == 0 else 0)
            torch.testing.assert_close(found.centroids[owner], eye[channel])

    def test_regions_smaller_than_k_have_no_cluster(self):
        features = randn(3, 4, 4)
        label = torch.zeros(4, 4, dtype=torch.int64)
        label[0, 0] = 1
        found = region_clusters(features, label, {0: 2, 1: 2}, kmeans)
        assert found.classes.tolist() == [0, 0]
        assert found.cells[0, 0] == -1 and (found.cells >= 0).sum() == 15
        none = region_clusters(features, label, {}, kmeans)
        assert none.centroids.shape == (0, 3) and (none.cells == -1).all()

    def test_shapes_are_checked(self):
        with pytest.raises(ValueError, match='features'):
            region_clusters(randn(4, 4), torch.zeros(4, 4), {0: 1}, kmeans)


class TestSelection:
    def parts(self, images=12, size=5):
        """Foreground like the background in every second centroid."""
        rng = torch.Generator().manual_seed(0)
        axes = torch.eye(4)
        parts = []
        for _ in range(images):
            noise = 0.05 * torch.randn(6, 4, generator=rng)
            rows = axes[[0, 0, 0, 1, 0, 2]] + noise
            parts.append((rows, torch.tensor([0, 0, 1, 1, 3, 3])))
        return parts

    @pytest.mark.parametrize('distance', ['mean', 'nearest'])
    def test_against_loops(self, distance):
        parts = self.parts()
        rows = torch.cat([p[0] for p in parts])
        classes = torch.cat([p[1] for p in parts])
        background = rows[classes == 0]
        reduce = np.mean if distance == 'mean' else np.min
        selection = select_debiased(lambda: parts, 0.4, distance)
        assert selection.classes.tolist() == [1, 3]
        assert selection.found.tolist() == [24, 24]
        for row, k in enumerate((1, 3)):
            members = torch.nonzero(classes == k)[:, 0].tolist()
            values = {
                i: reduce([(1 - cosine(rows[i], b)) / 2 for b in background])
                for i in members
            }
            kept = sorted(members, key=lambda i: -values[i])[:10]
            # Positions count foreground centroids only.
            front = torch.nonzero(classes != 0)[:, 0]
            assert front[selection.chosen[row]].tolist() == kept
            torch.testing.assert_close(
                selection.centroids[row], rows[kept].mean(0)
            )

    def test_targets_are_told_from_biased_objects(self):
        selection = select_debiased(self.parts)
        for row, axis in enumerate((1, 2)):
            cosines = F.normalize(selection.centroids[row], dim=0)
            assert cosines[axis] > 0.99

    def test_the_ranking_is_over_all_images(self):
        """One image may give both of its centroids, others none."""
        far, near = torch.eye(2)[[1, 1]], torch.eye(2)[[0, 0]]
        classes = torch.tensor([0, 1, 1])
        background = torch.tensor([[1.0, 0]])
        parts = [
            (torch.cat([background, pair]), classes)
            for pair in (near, far, near)
        ]
        selection = select_debiased(lambda: parts, 1 / 3)
        assert selection.chosen[0].tolist() == [2, 3]

    def test_how_it_is_cut_into_parts_does_not_matter(self):
        parts = self.parts()
        rows = torch.cat([p[0] for p in parts])
        classes = torch.cat([p[1] for p in parts])
        whole = select_debiased(lambda: [(rows, classes)])
        cut = select_debiased(lambda: parts)
        torch.testing.assert_close(whole.centroids, cut.centroids)
        assert all(map(torch.equal, whole.chosen, cut.chosen))

    def test_without_background_or_foreground(self):
        rows, classes = randn(4, 3), torch.tensor([0, 0, 1, 1])
        for kept, message in (
            (1, 'no image has a background region'),
            (0, 'no image has a foreground region'),
        ):
            part = rows[classes == kept], classes[classes == kept]
            with pytest.raises(ValueError, match=message):
                select_debiased(lambda part=part: [part])
        with pytest.raises(ValueError, match='distance must be one of'):
            select_debiased(lambda: [(rows, classes)], distance='median')


class TestLabels:
    def test_eq_4_against_a_loop(self):
        features, centroids = randn(5, 3, 4), randn(2, 5, seed=1)
        found = similarity_map(features, centroids)
        for y in range(3):
            for x in range(4):
                cosines = [cosine(features[:, y, x], v) for v in centroids]
                assert found[y, x] == pytest.approx(max(0, *cosines), abs=1e-6)

    def test_the_class_does_not_matter(self):
        """A pixel may look like any class of the image."""
        features = torch.eye(2)[:, None, :]
        found = similarity_map(features, torch.eye(2))
        assert found.tolist() == [[1, 1]]

    def test_half_precision(self):
        features, centroids = randn(5, 3, 4), randn(2, 5, seed=1)
        half = similarity_map(features.half(), centroids.half())
        assert half.dtype == torch.float32
        full = similarity_map(features, centroids)
        torch.testing.assert_close(half, full, atol=2e-3, rtol=0)

    def test_scores_of_two_labels(self):
        similarity = torch.tensor([0, 0.3, 0.5, 0.81, 1])
        scores = mask_scores(similarity, 0.5)
        torch.testing.assert_close(scores[1], similarity)
        torch.testing.assert_close(scores.sum(0), torch.ones(5))
        scores = mask_scores(similarity, 0.8)
        expected = torch.tensor([0, 0.1875, 0.3125, 0.525, 1])
        torch.testing.assert_close(scores[1], expected)
        assert (scores[1] >= scores[0]).tolist() == [0, 0, 0, 1, 1]
        with pytest.raises(ValueError, match='threshold'):
            mask_scores(similarity, 1)

    def test_eq_5(self):
        label = torch.tensor([[0, 1, 2, 255, 254]] * 2)
        keep = torch.tensor([[False] * 5, [True] * 5])
        found = debiased_label(label, keep, [1])
        assert found.tolist() == [[0, 254, 2, 255, 254], [0, 1, 2, 255, 254]]
        assert label[0, 1] == 1  # the input is left alone
        assert torch.equal(debiased_label(label, keep, []), label)


def test_a_centroid_that_is_not_finite():
    centroids = torch.eye(4)
    centroids[1, 1] = float('nan')
    parts = [(centroids, torch.tensor([0, 1, 1, 2]))]
    with pytest.raises(ValueError, match='not finite'):
        select_debiased(lambda: parts)
