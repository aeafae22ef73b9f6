"""STEGO's correspondence losses: by hand, naively, and their properties."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.models.losses.stego_loss import (
    DRAWS,
    SHIFTS,
    WEIGHTS,
    STEGOLoss,
    center_correlation,
    correlation,
    correspondence_loss,
    cyclic_order,
    random_points,
    sample_points,
)


def maps(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def cosine(a, b):
    norms = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norms


def naive(features_a, features_b, code_a, code_b, shift):
    n, _, p = features_a.shape
    q = features_b.shape[2]

    def table(a, b):
        a, b = a.tolist(), b.tolist()
        return [
            [
                [
                    cosine([row[i] for row in a[k]], [row[j] for row in b[k]])
                    for j in range(q)
                ]
                for i in range(p)
            ]
            for k in range(n)
        ]

    target, similarity = (
        table(features_a, features_b),
        table(code_a, code_b),
    )
    overall = sum(x for k in target for row in k for x in row) / (n * p * q)
    losses = []
    for k in range(n):
        total = 0
        for i in range(p):
            mean = sum(target[k][i]) / q
            for j in range(q):
                s = similarity[k][i][j]
                s = max(s, 0)
                total -= s * (target[k][i][j] - mean + overall - shift)
        losses.append(total / (p * q))
    return losses


def test_centred_by_hand():
    """The row means go, their mean of 0.5 comes back."""
    target = torch.tensor([[[1.0, 0.5], [0.0, 0.5]]])
    expected = torch.tensor([[[0.75, 0.25], [0.25, 0.75]]])
    assert torch.allclose(center_correlation(target), expected)


def test_a_loss_by_hand():
    """fd is 1, .5 / 0, .5 and cd .4, -.2 / 0, .5."""
    a = torch.eye(4)[:, :2][None]
    b = torch.tensor([[1.0, 0, 0, 0], [0.5, 0.5, 0.5**0.5, 0]]).T[None]
    code = torch.tensor(
        [[0.4, 0.0, 0.84**0.5, 0.0], [-0.2, 0.5, 0.71**0.5, 0.0]]
    ).T[None]
    code.requires_grad_()
    loss = correspondence_loss(a, b, a, code, 0.12)
    assert loss.item() == pytest.approx(-0.14175, abs=1e-6)
    loss.sum().backward()
    # Of point 1 of b only the pair with point 1 of a counts: cd[0][1] < 0.
    similarity = correlation(a, code)
    assert similarity[0, 0, 1] < 0 and code.grad[0, :, 1].any()
    alone = code.detach().clone().requires_grad_()
    pairs = correlation(a, alone)[0]
    (pairs[1, 1] * (0.75 - 0.12)).div(-4).backward()
    assert torch.allclose(code.grad[0, :, 1], alone.grad[0, :, 1])


def test_a_target_that_is_the_shift_gives_nothing():
    a = torch.tensor([[1.0, 0.0]]).T[None].expand(1, 2, 3)
    b = torch.tensor([[0.12, (1 - 0.12**2) ** 0.5]]).T[None].expand(1, 2, 3)
    loss = correspondence_loss(
        a, b, maps(1, 5, 3), maps(1, 5, 3, seed=1), 0.12
    )
    assert loss.abs().max() < 1e-7


def test_against_a_loop():
    arguments = [
        maps(2, 4, 5, seed=1),
        maps(2, 4, 6, seed=2),
        maps(2, 3, 5, seed=3),
        maps(2, 3, 6, seed=4),
    ]
    loss = correspondence_loss(*arguments, 0.2)
    expected = naive(*arguments, 0.2)
    assert loss.tolist() == pytest.approx(expected, abs=1e-12)


def test_by_hand():
    # One image, two points each: F = [[1, 0], [0, 1]], S = [[.6, 0], [.8, 1]].
    features = torch.eye(2)[None]
    code_a = torch.tensor([[[0.6, 0.8], [0.8, -0.6]]])
    code_b = torch.tensor([[[1.0, 0.8], [0.0, -0.6]]])
    similarity = correlation(code_a, code_b)
    assert torch.allclose(similarity, torch.tensor([[[0.6, 0], [0.8, 1]]]))
    loss = correspondence_loss(features, features, code_a, code_b, 0.25)
    # Rows of F have the mean of all, .5: centring changes nothing.
    assert loss.item() == pytest.approx(-(0.75 * 1.6 - 0.25 * 0.8) / 4)


def test_centring():
    raw = correlation(maps(3, 4, 5), maps(3, 4, 7, seed=1))
    centred = center_correlation(raw)
    assert torch.allclose(centred.mean(), raw.mean())
    assert torch.allclose(centred.mean(2), raw.mean().expand(3, 5))
    # What a point has in common with everything is gone.
    shifted = raw + maps(3, 5, 1, seed=2)
    assert torch.allclose(
        center_correlation(shifted) - shifted.mean(), centred - raw.mean()
    )


def test_zero_clamp_leaves_negative_correlations_alone():
    features = maps(1, 4, 3)
    code = torch.tensor([[[1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0]]]).view(1, 2, 3)
    code = code.double().requires_grad_()
    opposite = -code.detach()
    args = (features, features, code, opposite, 0.9)
    loss = correspondence_loss(*args)
    loss.sum().backward()
    assert loss.item() == 0 and not code.grad.any()


def test_gradients():
    features = [maps(2, 4, 3).requires_grad_() for _ in range(2)]
    codes = [maps(2, 3, 3, seed=s).requires_grad_() for s in (5, 6)]
    correspondence_loss(*features, *codes, 0.2).sum().backward()
    assert features[0].grad is None and features[1].grad is None
    assert codes[0].grad.any() and codes[1].grad.any()
    assert torch.autograd.gradcheck(
        lambda a, b: correspondence_loss(*features, a, b, 0.2), codes
    )


def test_alike_points_are_drawn_together():
    # Two materials: left and right. Codes start at random.
    material = torch.zeros(2, 2, 4, 6)
    material[:, 0, :, :3] = 1
    material[:, 1, :, 3:] = 1
    torch.manual_seed(0)
    code = torch.randn(2, 8, 4, 6, requires_grad=True)
    shifts = {'self': 0.4, 'knn': 0.4, 'random': 0.4}
    loss = STEGOLoss(shifts=shifts)
    optimizer = torch.optim.Adam([code], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        terms = loss(material, material, code, code)
        sum(terms[f'loss_{k}'].sum() for k in WEIGHTS).backward()
        optimizer.step()
    flat = code.detach().flatten(2)
    similarity = correlation(flat, flat)
    same = correlation(material.flatten(2), material.flatten(2)) > 0.5
    assert similarity[same].mean() > 0.8
    assert similarity[~same].clamp(min=0).mean() < 0.1


@pytest.mark.parametrize('count', [2, 3, 16])
def test_no_image_is_its_own_partner(count):
    generator = torch.Generator().manual_seed(0)
    images = torch.arange(count)
    drawn = torch.zeros(count, count)
    for _ in range(300):
        order = cyclic_order(count, generator=generator)
        assert (order != images).all()
        assert torch.equal(order.sort().values, images)
        drawn[images, order] += 1
    expected = 300 / (count - 1)
    others = drawn[~torch.eye(count, dtype=torch.bool)]
    assert (others > 0).all()
    assert others.max() < 3.2 * expected
    with pytest.raises(ValueError, match='at least two images, got 1'):
        cyclic_order(1)


def test_points():
    generator = torch.Generator().manual_seed(0)
    points = random_points(3, torch.zeros(1), generator)
    assert points.shape == (3, 11, 11, 2)
    assert points.min() >= -1 and points.max() < 1
    assert points.min() < -0.9 and points.max() > 0.9
    again = random_points(3, torch.zeros(1), generator.manual_seed(0))
    assert torch.equal(points, again)
    # A ramp is read at x exactly: the ends are the centres of outer cells.
    ramp = torch.linspace(-1, 1, 5).expand(3, 1, 4, 5)
    read = sample_points(ramp, points)
    assert torch.allclose(read[:, 0], points[..., 0].flatten(1), atol=1e-6)


def test_terms_of_a_batch():
    loss = STEGOLoss()
    features, other = maps(3, 4, 6, 7), maps(3, 4, 6, 7, seed=1)
    code, other_code = maps(3, 5, 6, 7, seed=2), maps(3, 5, 6, 7, seed=3)
    generator = torch.Generator().manual_seed(4)
    terms = loss(features, other, code, other_code, generator)
    generator.manual_seed(4)
    own = random_points(3, code, generator)
    points = random_points(3, code, generator)
    view = sample_points(features, own), sample_points(code, own)

    def expected(name, features_b, code_b, at):
        pair = sample_points(features_b, at), sample_points(code_b, at)
        found = correspondence_loss(
            view[0], pair[0], view[1], pair[1], SHIFTS[name]
        )
        return WEIGHTS[name] * found

    assert torch.allclose(
        terms['loss_self'], expected('self', features, code, own)
    )
    assert torch.allclose(
        terms['loss_knn'], expected('knn', other, other_code, points)
    )
    orders = [cyclic_order(3, generator=generator) for _ in range(DRAWS)]
    random = sum(
        expected('random', features[o], code[o], points) for o in orders
    )
    assert torch.allclose(terms['loss_random'], random / DRAWS)
    mean = correlation(view[0], view[0]).mean()
    assert torch.allclose(terms['corr_self'], mean)


def test_module():
    loss = STEGOLoss()
    features = maps(1, 4, 6, 6).float()
    code = maps(1, 3, 6, 6).float().requires_grad_()
    terms = loss(features, features, code, code)
    assert terms['loss_random'].item() == 0 and terms['corr_random'] == 0
    terms['loss_random'].sum().backward()
    assert not code.grad.any()
    half = [m.bfloat16() for m in (features, features, code, code)]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        terms = loss(*half)
    assert all(v.dtype == torch.float32 for v in terms.values())
    flat = F.normalize(torch.zeros(1, 3, 2), dim=1)
    assert correlation(flat, flat).abs().max() == 0


def test_bad_input():
    with pytest.raises(ValueError, match='shifts has a value for each'):
        STEGOLoss(shifts={'self': 0.1})
    good = [maps(2, 4, 5), maps(2, 4, 6), maps(2, 3, 5), maps(2, 3, 6)]
    for position in range(4):
        bad = list(good)
        bad[position] = maps(2, 9, 9)
        with pytest.raises(ValueError, match=r'expected features \(N, D, P\)'):
            correspondence_loss(*bad, 0.1)
