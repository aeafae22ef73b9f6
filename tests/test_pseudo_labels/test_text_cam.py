"""Text-driven maps and attention affinity: numbers, loops, invariances."""

import numpy as np
import pytest
import torch

from mmseg_wsss.pseudo_labels.text_cam import (
    attention_affinity,
    attentive_layers,
    component_boxes,
    gradient_maps,
    log_odds,
    min_max,
    propagate_maps,
    sinkhorn,
    text_logits,
)


def test_probabilities_of_three_cosines():
    cosines = torch.tensor([0.30, 0.25, 0.20], dtype=torch.float64)
    texts = torch.stack([cosines, (1 - cosines**2).sqrt()], 1)
    image = torch.tensor([[5.0, 0.0]], dtype=torch.float64)
    expected = torch.tensor([[0.9932623, 0.0066925, 0.0000451]]).double()
    for scale in (1, 7):  # lengths do not count
        found = text_logits(image, scale * texts).softmax(1)
        torch.testing.assert_close(found, expected, atol=1e-7, rtol=0)


def test_gradients_of_log_odds_are_those_of_the_probability():
    torch.manual_seed(0)
    logits = torch.randn(5, dtype=torch.float64, requires_grad=True)
    p = logits.softmax(0)
    torch.testing.assert_close(log_odds(logits), (p / (1 - p)).log())
    for k in range(5):
        (of_p,) = torch.autograd.grad(p[k], logits, retain_graph=True)
        (of_odds,) = torch.autograd.grad(log_odds(logits)[k], logits)
        scale = p[k] * (1 - p[k])
        torch.testing.assert_close(of_p, of_odds * scale)


def test_log_odds_of_a_probability_that_rounds_to_one():
    logits = torch.tensor([60.0, 0.0], requires_grad=True)
    (plain,) = torch.autograd.grad(logits.softmax(0)[0], logits)
    assert plain.abs().max() < 1e-20
    (found,) = torch.autograd.grad(log_odds(logits)[0], logits)
    torch.testing.assert_close(found, torch.tensor([1.0, -1.0]))


def test_grad_cam_by_hand():
    """Weights (.5, -.5): the map is .5 everywhere, and constant maps are 0."""
    features = torch.tensor([[1.0, 0.0], [2.0, 1.0]], requires_grad=True)
    score = (features[:, 0] - features[:, 1]).mean()
    (gradient,) = torch.autograd.grad(score, features)
    weights = gradient.mean(0)
    torch.testing.assert_close(weights, torch.tensor([0.5, -0.5]))
    raw = (features.detach() @ weights).relu()
    torch.testing.assert_close(raw, torch.tensor([0.5, 0.5]))
    found = gradient_maps(features.detach(), gradient[None])
    assert torch.equal(found, torch.zeros(1, 2))


def test_grad_cam_against_loops():
    rng = np.random.default_rng(0)
    features, gradients = rng.normal(size=(6, 3)), rng.normal(size=(2, 6, 3))
    found = gradient_maps(torch.tensor(features), torch.tensor(gradients))
    for k in range(2):
        raw = [
            max(
                0,
                sum(
                    features[p, d] * sum(gradients[k, q, d] for q in range(6))
                    for d in range(3)
                )
                / 6,
            )
            for p in range(6)
        ]
        low, high = min(raw), max(raw)
        expected = [(x - low) / (high - low + 1e-7) for x in raw]
        np.testing.assert_allclose(found[k], expected, atol=1e-6)
    # A positive factor on the score changes nothing.
    scaled = gradient_maps(torch.tensor(features), 7 * torch.tensor(gradients))
    torch.testing.assert_close(scaled, found, atol=1e-6, rtol=0)


MATRIX = torch.tensor([[0.7, 0.3], [0.4, 0.6]], dtype=torch.float64)


def test_sinkhorn_by_hand():
    three = sinkhorn(MATRIX)
    expected = [[0.651707, 0.348331], [0.348331, 0.651630]]
    symmetric = (three + three.T) / 2
    torch.testing.assert_close(
        symmetric, torch.tensor(expected).double(), atol=1e-6, rtol=0
    )
    squared = attention_affinity(torch.stack([MATRIX, MATRIX]))
    expected = [[0.546057, 0.453993], [0.453993, 0.545956]]
    torch.testing.assert_close(
        squared, torch.tensor(expected).double(), atol=1e-6, rtol=0
    )
    source = torch.tensor([1.0, 0.0]).double()
    torch.testing.assert_close(squared @ source, squared[:, 0])


def test_a_doubly_stochastic_matrix_is_a_fixed_point():
    matrix = torch.tensor([[0.2, 0.5, 0.3], [0.5, 0.1, 0.4], [0.3, 0.4, 0.3]])
    torch.testing.assert_close(sinkhorn(matrix), matrix)


def test_three_rounds_are_no_convergence():
    torch.manual_seed(0)
    even = sinkhorn(torch.rand(50, 50) + 0.01)
    peaked = sinkhorn((3 * torch.randn(50, 50)).softmax(1))
    assert (even.sum(0) - 1).abs().max() < 1e-5
    assert (peaked.sum(0) - 1).abs().max() > 1e-2
    torch.testing.assert_close(peaked.sum(1), torch.ones(50))


@pytest.mark.parametrize('cell', [(0, 0), (0, 4), (3, 0), (3, 4)])
def test_a_cell_in_a_corner_is_its_own_box(cell):
    mask = np.zeros((4, 5), bool)
    mask[cell] = True
    np.testing.assert_array_equal(component_boxes(mask), mask)


def test_boxes_of_parts():
    mask = np.zeros((6, 7), bool)
    mask[0, 0] = mask[1, 1] = True  # touch at a corner: one part
    mask[4, 3:6] = mask[5, 5] = True
    expected = np.zeros_like(mask)
    expected[:2, :2] = expected[4:6, 3:6] = True
    np.testing.assert_array_equal(component_boxes(mask), expected)
    assert not component_boxes(np.zeros((2, 2), bool)).any()


def test_propagation_takes_from_the_boxes_only():
    affinity = torch.tensor(
        [[0.5, 0.2, 0.3], [0.2, 0.6, 0.2], [0.3, 0.2, 0.5]]
    )
    maps = torch.tensor([[[1.0, 0.3, 0.0]], [[0.5, 0.3, 0.9]]])
    found = propagate_maps(affinity, maps, 0.4)
    first = affinity @ torch.tensor([1.0, 0.0, 0.0])
    second = affinity @ torch.tensor([0.5, 0.0, 0.9])
    for row, expected in zip(found, (first, second), strict=True):
        torch.testing.assert_close(row[0], min_max(expected))
    assert not propagate_maps(affinity, torch.zeros(1, 1, 3)).any()
    # With a lower threshold the weak cell gives too.
    lower = propagate_maps(affinity, maps[1:], 0.2)[0, 0]
    torch.testing.assert_close(lower, min_max(affinity @ maps[1, 0]))


def test_attentive_layers_are_the_rule_of_differences():
    """Whatever the affinity is, as nothing takes an absolute value."""
    torch.manual_seed(0)
    for _ in range(20):
        attention = torch.rand(6, 5, 5, dtype=torch.float64) / 5
        kept = attentive_layers(attention)
        for scale in (0.1, 1, 10):
            learned = torch.randn(5, 5).double().mul(scale).sigmoid()
            difference = (learned - attention).sum((1, 2))
            assert torch.equal(kept, difference <= difference.mean())
        assert 0 < kept.sum() < 6


def test_a_learned_affinity_multiplies_the_attentive_layers():
    torch.manual_seed(0)
    attention = torch.rand(4, 5, 5).softmax(2) * torch.rand(4, 1, 1)
    learned = torch.randn(5, 5).sigmoid()
    expected = attention[attentive_layers(attention)].mean(0) * learned
    torch.testing.assert_close(
        attention_affinity(attention, learned),
        attention_affinity(expected[None]),
    )
    for count in range(2, 40):  # a mean of equal numbers may round up
        assert attentive_layers(torch.full((count, 1, 1), 0.1)).all()
    # One of all equal layers keeps all.
    same = attention[:1].repeat(3, 1, 1)
    assert attentive_layers(same).all()
    torch.testing.assert_close(
        attention_affinity(same, torch.ones(5, 5)), attention_affinity(same)
    )


def test_no_map_spreads_to_none():
    maps = torch.rand(0, 2, 3)
    assert propagate_maps(torch.rand(6, 6), maps).shape == maps.shape
