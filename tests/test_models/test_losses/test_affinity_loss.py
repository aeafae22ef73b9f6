import math

import pytest
import torch

from mmseg_wsss.models.losses.affinity_loss import (
    AffinityLoss,
    affinity_terms,
)
from mmseg_wsss.models.losses.displacement_loss import (
    DisplacementLoss,
    displacement_terms,
)
from mmseg_wsss.pseudo_labels.affinity import pair_offsets
from mmseg_wsss.pseudo_labels.pairs import pair_labels

EPS = 1e-5


def case(dtype=torch.float64, n=2, h=4, w=5, radius=3):
    """Affinities, displacements and pair masks, drawn at random."""
    torch.manual_seed(0)
    label = torch.tensor([0, 1, 2, 255])[torch.randint(4, (n, h, w))]
    offsets = pair_offsets(radius)
    masks = pair_labels(label, offsets)
    affinity = torch.rand(n, len(offsets), h, w, dtype=dtype)
    affinity = affinity * 0.9 + 0.05
    field = torch.randn(n, 2, h, w, dtype=dtype)
    return affinity.requires_grad_(), field.requires_grad_(), offsets, masks


def affinity_loss(affinity, *masks):
    return AffinityLoss()(affinity, *masks)['loss_affinity']


def displacement_loss(field, offsets, *masks):
    return sum(displacement_terms(field, offsets, *masks))


def test_affinity_loss_by_hand():
    affinity = torch.tensor([0.5, 0.25, 0.5, 0.2, 0.9]).view(1, 1, 1, 5)
    masks = torch.eye(5, dtype=torch.bool)[:, None, None, None]
    background, foreground = masks[0] | masks[1], masks[2]
    terms = affinity_terms(affinity, background, foreground, masks[3])
    expected = [
        -(math.log(0.5) + math.log(0.25)) / 2,
        -math.log(0.5),
        -math.log(0.8),
    ]
    assert torch.stack(terms).tolist() == pytest.approx(expected, abs=1e-4)
    loss = affinity_loss(affinity, background, foreground, masks[3])
    total = expected[0] / 4 + expected[1] / 4 + expected[2] / 2
    assert loss.item() == pytest.approx(total, abs=1e-4)


def test_affinity_loss_equals_a_loop():
    affinity, _, _, masks = case()
    weights = (0.25, 0.25, 0.5)
    loss = affinity_loss(affinity, *masks)
    total = 0.0
    for weight, mask, positive in zip(
        weights, masks, (True, True, False), strict=True
    ):
        values = [
            -math.log((a if positive else 1 - a) + EPS)
            for a, m in zip(
                affinity.flatten().tolist(),
                mask.flatten().tolist(),
                strict=True,
            )
            if m
        ]
        assert values
        total += weight * sum(values) / (len(values) + EPS)
    assert loss.item() == pytest.approx(total, rel=1e-12)


def test_displacement_loss_equals_a_loop():
    _, field, offsets, (background, foreground, _) = case()
    sums, counts = [0.0, 0.0], [0, 0]
    for n in range(2):
        for p, (dy, dx) in enumerate(offsets):
            for y in range(4):
                for x in range(5):
                    for k, mask in enumerate((background, foreground)):
                        if not mask[n, p, y, x]:
                            continue
                        step = (dy * k, dx * k)
                        there = field[n, :, y + dy, x + dx]
                        difference = field[n, :, y, x] - there
                        sums[k] += sum(
                            abs(difference[c].item() - step[c]) / 2
                            for c in range(2)
                        )
                        counts[k] += 1
    expected = [s / (c + EPS) for s, c in zip(sums, counts, strict=True)]
    terms = displacement_terms(field, offsets, background, foreground)
    assert torch.stack(terms).tolist() == pytest.approx(expected, rel=1e-12)
    loss = displacement_loss(field, offsets, background, foreground)
    assert loss.item() == pytest.approx(sum(expected), rel=1e-12)


def test_vectors_to_the_middle_have_no_loss():
    label = torch.zeros(1, 7, 7, dtype=torch.long)
    label[0, 1:6, 2:5] = 3
    offsets = pair_offsets(4)
    background, foreground, _ = pair_labels(label, offsets)
    y, x = torch.meshgrid(torch.arange(7), torch.arange(7), indexing='ij')
    field = torch.stack([3 - y, 3 - x]).float() * (label == 3)
    loss = displacement_loss(field[None], offsets, background, foreground)
    assert loss == 0
    # The loss does not see a constant.
    moved = displacement_loss(field[None] + 5, offsets, background, foreground)
    assert moved == 0
    assert (
        displacement_loss(-field[None], offsets, background, foreground) > 0.5
    )


def test_gradients():
    affinity, field, offsets, masks = case(n=1, h=3, w=3)
    assert torch.autograd.gradcheck(
        lambda a: affinity_loss(a, *masks), affinity
    )
    assert torch.autograd.gradcheck(
        lambda d: displacement_loss(d, offsets, *masks[:2]), field
    )


def test_empty_sets_are_zero_with_a_gradient_path():
    affinity, field, offsets, masks = case(torch.float32)
    nothing = [torch.zeros_like(mask) for mask in masks]
    # Affinities outside the map are 0, certain ones 1.
    affinity = affinity.detach().clone()
    affinity[0], affinity[1] = 0, 1
    affinity.requires_grad_()
    loss = affinity_loss(affinity, *nothing)
    loss = loss + displacement_loss(field, offsets, *nothing[:2])
    assert loss == 0
    loss.backward()
    assert affinity.grad.count_nonzero() == 0
    assert field.grad.count_nonzero() == 0


def test_impossible_affinities_stay_finite():
    affinity, _, _, masks = case(torch.float32)
    for value in (0.0, 1.0):
        certain = torch.full_like(affinity, value, requires_grad=True)
        loss = affinity_loss(certain, *masks)
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(certain.grad).all()


def test_modules():
    affinity, field, offsets, (bg, fg, neg) = case()
    given = dict(
        affinity=affinity,
        displacement=field,
        offsets=offsets,
        background=bg,
        foreground=fg,
        negative=neg,
    )
    values = AffinityLoss(loss_weight=2.0)(**given)
    terms = affinity_terms(affinity, bg, fg, neg)
    expected = 2 * affinity_loss(affinity, bg, fg, neg)
    assert values['loss_affinity'] == expected
    for name, term in zip(('bg', 'fg', 'neg'), terms, strict=True):
        assert values[f'affinity_{name}'] == term
        assert not values[f'affinity_{name}'].requires_grad
    values = DisplacementLoss(loss_name='loss_dp')(**given)
    assert values['loss_dp'] == displacement_loss(field, offsets, bg, fg) / 2
    assert set(values) == {'loss_dp', 'displacement_bg', 'displacement_fg'}
    assert not values['displacement_fg'].requires_grad


def test_autocast_computes_in_float32():
    affinity, field, offsets, (bg, fg, neg) = case(torch.float32)
    given = dict(offsets=offsets, background=bg, foreground=fg, negative=neg)
    half, half_field = affinity.bfloat16(), field.bfloat16()
    expected = affinity_loss(half.float(), bg, fg, neg)
    moved = displacement_loss(half_field.float(), offsets, bg, fg) / 2
    with torch.autocast('cpu', torch.bfloat16):
        loss = AffinityLoss()(half, **given)['loss_affinity']
        other = DisplacementLoss()(half_field, **given)['loss_displacement']
    assert loss.dtype == other.dtype == torch.float32
    assert loss == expected and other == moved


def test_wrong_input():
    affinity, field, offsets, (bg, fg, neg) = case()
    with pytest.raises(ValueError, match='foreground must be a bool mask'):
        affinity_loss(affinity, bg, fg.float(), neg)
    with pytest.raises(ValueError, match='background must be a bool mask'):
        affinity_loss(affinity, bg[:, 1:], fg, neg)
    with pytest.raises(ValueError, match='y and x'):
        displacement_loss(field[:, :1], offsets, bg, fg)
    with pytest.raises(ValueError, match='background must be a bool mask'):
        displacement_loss(field, offsets[1:], bg, fg)
