import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.pseudo_labels import (
    adversarial_climbing,
    ascend,
    climb,
    climbing_objective,
)

K = 3


def network(seed=0):
    """A convolution, ReLU and a 1x1 classifier; returns features, weights."""
    torch.manual_seed(seed)
    kernel, weights = torch.randn(5, 3, 3, 3), torch.randn(K, 5)

    def features(x):
        return F.conv2d(x, kernel, stride=2, padding=1).relu()

    return features, weights


def cams_of(features, weights):
    def cams(copies):
        found = features(copies.flatten(0, 1))
        maps = torch.einsum('kq,nqhw->nkhw', weights, found).relu()
        maps = maps.unflatten(0, copies.shape[:2])
        return maps, maps

    return cams


def test_a_step_by_hand():
    images = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 3, 1)
    # Two copies, ranges of their own.
    images = torch.stack([images, 2 * images - 1])
    gradient = torch.tensor([-0.5, 0.25, 1.0]).reshape(1, 3, 1)
    out = ascend(images, torch.stack([gradient, -10 * gradient]))
    assert torch.allclose(out[0].flatten(), torch.tensor([0.0, 0.52, 1.0]))
    expected = torch.tensor([-0.96, -0.02, 0.92])
    assert torch.allclose(out[1].flatten(), expected)
    same = ascend(images, torch.zeros_like(images))
    assert torch.equal(same, images)


def test_masks_and_objective_by_hand(monkeypatch):
    # One copy of two views, two classes; the climb is for class 1.
    own = torch.tensor([[[4.0, 1], [0, 3]], [[2.0, 1], [1, 0]]])
    other = torch.tensor([[[1.0, 1], [1, 1]], [[3.0, 0], [0, 1]]])
    maps = torch.stack([other, own], 1)[None]
    # Both views: 6 2 / 1 3; above half of 6 is the 6 alone, 3 is not.
    first = torch.tensor([[[3.5, 9.0], [9.0, 9.0]]])
    divisors = torch.tensor([5.0])
    values = climbing_objective(maps, torch.tensor([1]), first, divisors)
    # Logits (2 + 1, 1 + 1), distance 2.5.
    assert torch.allclose(values, torch.tensor([3.0 - 2 - 7 * 2.5 / 5]))
    monkeypatch.setattr(adversarial_climbing, 'PENALTY', 1.0)
    monkeypatch.setattr(adversarial_climbing, 'THRESHOLD', 0.3)
    wide = climbing_objective(maps, torch.tensor([1]), first, divisors)
    assert torch.allclose(wide, torch.tensor([3.0 - 2 - (2.5 + 7 + 6) / 5]))


def test_gradient_of_the_objective():
    torch.manual_seed(0)
    maps = torch.rand(2, 2, K, 3, 4, dtype=torch.float64, requires_grad=True)
    first = torch.rand(2, 3, 4, dtype=torch.float64)
    divisors = torch.tensor([2.0, 3.0], dtype=torch.float64)

    def objective(maps):
        classes = torch.tensor([2, 0])
        return climbing_objective(maps, classes, first, divisors)

    assert torch.autograd.gradcheck(objective, maps)


def test_against_a_loop_with_grad_cam(monkeypatch):
    """The authors' way: Grad-CAMs, of which the sum has another scale."""
    monkeypatch.setattr(adversarial_climbing, 'STEP_SIZE', 0.3)
    features, weights = network()
    image, steps = torch.rand(1, 3, 12, 16), 4
    positive = (weights > 0).sum(1)
    sums = climb(
        image,
        cams_of(features, weights),
        torch.arange(K),
        positive,
        steps,
    )
    for c in range(K):
        x, total, first = image, 0, None
        for step in range(steps + 1):
            x = x.detach().requires_grad_()
            found = features(x)
            maps = torch.einsum('kq,nqhw->nkhw', weights, found).relu()
            pooled = maps[:, c].sum()
            (grad,) = torch.autograd.grad(pooled, found, retain_graph=True)
            channels = grad.sum((2, 3)) / ((grad > 0).sum() + 1e-12)
            cam = (channels[:, :, None, None] * found).sum(1).relu()[0]
            if first is None:
                first = cam.detach()
            total = total + cam.detach()
            z = maps.mean((2, 3))[0]
            high = cam > 0.5 * cam.max()
            far = ((cam - first).abs() * high).sum()
            assert step > 0 or far == 0
            gain = 2 * z[c] - z.sum() - 7 * far
            (g,) = torch.autograd.grad(gain, x)
            x = x.detach()
            low, highest = x.min(), x.max()
            x = (x + 0.3 * g / g.abs().max()).clamp(low, highest)
        expected = total * positive[c]
        assert torch.allclose(sums[c], expected, rtol=1e-3, atol=1e-3), c


def test_no_step_is_the_cam_and_a_climb_raises_its_class(monkeypatch):
    monkeypatch.setattr(adversarial_climbing, 'PENALTY', 0.0)
    features, weights = network(1)
    views = torch.rand(2, 3, 12, 12)
    cams = cams_of(features, weights)
    classes, divisors = torch.tensor([2, 0]), torch.ones(2)
    plain = climb(views, cams, classes, divisors, steps=0)
    with torch.no_grad():
        maps = cams(views[None])[0][0].sum(0)
    assert torch.equal(plain, maps[[2, 0]])
    margins = []

    def recorded(copies):
        maps, summed = cams(copies)
        z = maps.detach().mean((3, 4)).sum(1)
        margins.append(2 * z[[0, 1], [2, 0]] - z.sum(1))
        return maps, summed

    climb(views, recorded, classes, divisors, 5)
    assert len(margins) == 6
    assert (margins[-1] > margins[0]).all()


def test_the_sum_may_be_of_other_maps():
    """Those of a head that refines its CAM without a gradient."""
    features, weights = network(1)
    image, classes = torch.rand(1, 3, 12, 12), torch.arange(K)
    cams, seen = cams_of(features, weights), []

    def refined(copies):
        maps, _ = cams(copies)
        seen.append(maps.detach()[classes, 0, classes])
        return maps, maps.detach() ** 2

    sums = climb(image, refined, classes, torch.ones(K), steps=3)
    assert torch.allclose(sums, sum(m**2 for m in seen))
    plain = climb(image, cams, classes, torch.ones(K), steps=3)
    assert torch.allclose(plain, sum(seen))


def test_images_are_left_alone_and_there_is_no_graph():
    features, weights = network()
    image = torch.rand(1, 3, 8, 8)
    before = image.clone()
    with torch.no_grad():
        sums = climb(
            image,
            cams_of(features, weights),
            torch.tensor([0]),
            torch.ones(1),
            steps=2,
        )
    assert torch.equal(image, before)
    assert not sums.requires_grad and not image.requires_grad


def test_no_class():
    with pytest.raises(ValueError, match='needs a class'):
        climb(torch.rand(1, 3, 8, 8), None, torch.arange(0), torch.ones(0))


def test_the_first_step_has_no_distance(monkeypatch):
    """The penalty compares raw CAMs, of which the first are the start."""
    features, weights = network(2)
    cams = cams_of(features, weights)
    gains = []

    def recorded(*args):
        found = climbing_objective(*args)
        with monkeypatch.context() as patch:
            patch.setattr(adversarial_climbing, 'PENALTY', 0.0)
            gains.append((climbing_objective(*args) - found).detach())
        return found

    monkeypatch.setattr(adversarial_climbing, 'climbing_objective', recorded)
    climb(
        torch.rand(2, 3, 12, 12),
        lambda copies: (cams(copies)[0], 3 + cams(copies)[1]),
        torch.tensor([2, 0]),
        torch.ones(2),
        steps=2,
    )
    assert gains[0].tolist() == [0, 0]
    assert (gains[1] > 0).all()
