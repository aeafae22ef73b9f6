"""The sparse random walk against the dense formula of PSA and IRN."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.pseudo_labels import (
    WalkGraph,
    boundary_affinity,
    embedding_affinity,
    pair_offsets,
    random_walk,
    transition_matrix,
    walk_cells,
)


def graph(height=7, width=9, radius=3, stride=4, gate=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    offsets = pair_offsets(radius)
    features = torch.rand(1, 5, height, width, generator=generator)
    affinity = embedding_affinity(features, offsets)[0]
    return WalkGraph(offsets, affinity, gate, stride)


def dense_transition(graph, beta):
    """T of the papers, (N, N), pair by pair, in float64."""
    height, width = graph.affinity.shape[1:]
    matrix = torch.eye(height * width, dtype=torch.float64)
    for (dy, dx), plane in zip(graph.offsets, graph.affinity, strict=True):
        for y in range(height):
            for x in range(width):
                if y + dy < height and 0 <= x + dx < width:
                    i, j = y * width + x, (y + dy) * width + x + dx
                    value = plane[y, x].double() ** beta
                    matrix[i, j] = matrix[j, i] = value
    return matrix / matrix.sum(0, keepdim=True)


@pytest.mark.parametrize('beta', [1, 8])
@pytest.mark.parametrize('times', [0, 1, 6])
def test_equals_squaring_the_dense_matrix(beta, times):
    walk = graph()
    scores = torch.rand(3, 7, 9)
    dense = dense_transition(walk, beta)
    for _ in range(times):
        dense = dense @ dense
    expected = (scores.double().flatten(1) @ dense).view(3, 7, 9)
    walked = walk_cells(scores, walk, beta, 2**times)
    torch.testing.assert_close(walked, expected.float(), rtol=1e-4, atol=1e-5)


def test_matrix_rows_sum_to_one_and_are_sparse():
    walk = graph(radius=3)
    matrix = transition_matrix(walk, 8.0)
    dense = matrix.to_dense()
    torch.testing.assert_close(dense.sum(1), torch.ones(63))
    torch.testing.assert_close(
        dense.T, dense_transition(walk, 8.0).float(), rtol=1e-5, atol=1e-7
    )
    assert matrix.values().numel() <= 63 * (2 * len(walk.offsets) + 1)


def test_constant_scores_stay():
    walked = walk_cells(torch.full((1, 7, 9), 0.3), graph(), 8, 256)
    torch.testing.assert_close(walked, torch.full((1, 7, 9), 0.3))


def test_a_boundary_stops_the_walk():
    """A wall of boundary 1 keeps a score on its side."""
    boundary = torch.zeros(1, 1, 6, 9)
    boundary[..., 4] = 1
    offsets = pair_offsets(4)
    affinity = boundary_affinity(boundary, offsets)[0]
    gate = 1 - boundary[0, 0]
    scores = torch.zeros(1, 6, 9)
    scores[0, 2, 1] = 1
    walked = walk_cells(scores, WalkGraph(offsets, affinity, gate, 4), 10, 99)
    assert (walked[..., :4] > 0).all()
    assert (walked[..., 4:] == 0).all()


def test_gate_multiplies_the_scores_first():
    gate = torch.rand(7, 9)
    scores = torch.rand(2, 7, 9)
    torch.testing.assert_close(
        walk_cells(scores, graph(gate=gate), 8, 5),
        walk_cells(scores * gate, graph(), 8, 5),
    )


def test_pixels_are_pooled_walked_and_brought_back():
    walk = graph(height=4, width=3, stride=4)
    scores = torch.rand(2, 14, 11)
    padded = F.pad(scores[None], (0, 1, 0, 2), mode='replicate')
    cells = F.avg_pool2d(padded, 4)[0]
    expected = F.interpolate(
        walk_cells(cells, walk, 8, 16)[None],
        (16, 12),
        mode='bilinear',
        align_corners=False,
    )[0, :, :14, :11]
    torch.testing.assert_close(random_walk(scores, walk, 8, 16), expected)


@pytest.mark.parametrize('size', [(1, 1), (1, 6), (2, 2)])
def test_maps_smaller_than_the_radius(size):
    walk = graph(*size, radius=5)
    scores = torch.rand(2, *size)
    dense = dense_transition(walk, 2).matrix_power(4)
    expected = (scores.double().flatten(1) @ dense).view_as(scores)
    torch.testing.assert_close(
        walk_cells(scores, walk, 2, 4), expected.float()
    )


def test_no_class_gives_no_class():
    assert random_walk(torch.zeros(0, 28, 36), graph(), 8).shape == (0, 28, 36)


@pytest.mark.parametrize(
    ('scores', 'options', 'message'),
    [
        (torch.zeros(2, 7, 8), dict(beta=8), 'not on the grid'),
        (torch.zeros(2, 7, 9), dict(beta=0), 'beta must be > 0'),
        (torch.zeros(2, 7, 9), dict(beta=8, steps=-1), 'steps >= 0'),
    ],
)
def test_wrong_input(scores, options, message):
    with pytest.raises(ValueError, match=message):
        walk_cells(scores, graph(), **options)


def test_wrong_stride_is_named():
    with pytest.raises(ValueError, match='7 x 10 cells at stride 4'):
        random_walk(torch.zeros(1, 28, 40), graph(), 8)
