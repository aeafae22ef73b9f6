"""Target centroids as MARS counts them, by hand."""

import numpy as np
import pytest
import torch

from mmseg_wsss.evaluation.centroid_targets import (
    cluster_ious,
    target_share,
    target_shares,
)
from mmseg_wsss.pseudo_labels.mars_selection import Selection


def test_iou_of_each_cluster():
    cells = np.array([[0, 0, 1, 1], [2, 2, -1, -1]])
    classes = np.array([1, 1, 0])
    mask = np.array([[1, 0, 1, 1], [0, 0, 255, 2]])
    found = cluster_ious(cells, classes, mask)
    # Class 1 has three cells: cluster 0 hits one of its two, cluster 1 two.
    assert found == pytest.approx([1 / 4, 2 / 3, 2 / 3])


def test_cells_take_the_class_of_most_pixels():
    cells = np.array([[0, 1]])
    mask = np.zeros((4, 8), int)
    mask[:, :4] = 1
    mask[0] = 2
    mask[1:3, 4:] = 255
    found = cluster_ious(cells, np.array([1, 2]), mask)
    assert found == pytest.approx([1, 0])


def test_ignored_cells_do_not_count():
    cells = np.array([[0, 0, 0]])
    mask = np.array([[1, 255, 255]])
    assert cluster_ious(cells, np.array([1]), mask) == pytest.approx([1])


def test_shares():
    ious = np.array([0.9, 0.31, 0.3, 0.2, 0.1, 0.09, 0.0])
    assert target_share(ious) == 50  # two target, two biased
    assert np.isnan(target_share(np.array([0.2, 0.3])))
    classes = np.array([1, 1, 1, 2, 1, 1, 1])  # foreground only
    selection = Selection(
        torch.tensor([1, 2]),
        torch.zeros(2, 3),
        torch.tensor([6, 1]),
        [torch.tensor([0, 1, 6]), torch.tensor([3])],
    )
    (one, everything, chosen), two = target_shares(selection, classes, ious)
    assert one == 1 and everything == 50
    assert chosen == pytest.approx(200 / 3)
    assert two[0] == 2 and np.isnan(two[2])
