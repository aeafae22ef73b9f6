"""SIPE's seeds and prototype maps: numbers, loops, blocks, invariances."""

import sys

import pytest
import torch

from mmseg_wsss.pseudo_labels import (
    initial_scores,
    prototype_maps,
    structure_seeds,
)
from mmseg_wsss.pseudo_labels.structure_seeds import structure_ious


def maps(n=2, classes=4, width=9, size=(5, 6), dtype=torch.float32):
    rng = torch.Generator().manual_seed(0)
    scores = torch.rand(n, classes, *size, generator=rng, dtype=dtype)
    return scores, torch.randn(n, width, *size, generator=rng, dtype=dtype)


def pair(foreground, background):
    """Scores (1, 2, 1, 2) of two cells."""
    return torch.tensor([background, foreground]).view(1, 2, 1, 2)


# -------------------------------------------------------------------- by hand
FOREGROUND, BACKGROUND = (1.0, 0.2), (0.0, 0.8)
APART = torch.eye(2).view(1, 2, 1, 2)
ALIKE = torch.tensor([[1.0, 0.5], [0.0, 0.75**0.5]]).view(1, 2, 1, 2)


@pytest.mark.parametrize(
    ('features', 'foreground', 'background', 'seeds'),
    [
        (APART, (0.83333, 0.1), (0.0, 0.4), [[0, 1], [1, 0]]),
        (ALIKE, (0.6875, 0.35), (0.1052632, 0.2666667), [[0, 0], [1, 1]]),
    ],
)
def test_by_hand(features, foreground, background, seeds):
    scores = pair(FOREGROUND, BACKGROUND)
    ious = structure_ious(scores, features)
    expected = torch.tensor([background, foreground])
    assert torch.allclose(ious[0, :, 0], expected, atol=1e-5)
    found = structure_seeds(scores, features)
    assert found[0, :, 0].tolist() == seeds
    assert not found.requires_grad


def test_initial_scores():
    cam = torch.tensor([[-1.0, 1, 4], [0, 2, 1]]).view(1, 2, 1, 3)
    before = cam.clone()
    expected = torch.tensor([[1.0, 0, 0], [0, 0.25, 1], [0, 1, 0.5]])
    assert torch.allclose(initial_scores(cam)[0, :, 0], expected, atol=1e-4)
    assert torch.equal(cam, before)


# ---------------------------------------------------------------------- loops
def cosine(a, b):
    return float(a @ b / (a.norm() * b.norm()))


def test_seeds_against_a_loop():
    scores, features = maps()
    seeds = structure_seeds(scores, features)
    for n in range(2):
        m, e = scores[n].flatten(1).double(), features[n].flatten(1).double()
        for i in range(30):
            row = [max(cosine(e[:, i], e[:, j]), 0) for j in range(30)]
            ious = []
            for k in range(4):
                shared = sum(s * float(m[k, j]) for j, s in enumerate(row))
                total = sum(row) + float(m[k].sum())
                ious.append(shared / (total - shared) * (1 if k else 0.5))
            best = max(range(4), key=ious.__getitem__)
            assert seeds[n].flatten(1)[:, i].tolist() == [
                float(k == best) for k in range(4)
            ]


def test_maps_against_a_loop():
    scores, features = maps()
    seeds = structure_seeds(scores, features)
    found = prototype_maps(features, seeds)
    for n in range(2):
        f, s = features[n].flatten(1).double(), seeds[n].flatten(1)
        for k in range(4):
            cells = [f[:, i] for i in range(30) if s[k, i]]
            for i in range(30):
                value = 0.0
                if cells:
                    value = max(cosine(f[:, i], sum(cells) / len(cells)), 0)
                ours = found[n].flatten(1)[k, i].item()
                assert ours == pytest.approx(value, abs=1e-5)


def test_maps_are_those_of_all_products():
    """The authors form a tensor (N, C, D, h, w) and average it."""
    scores, features = maps()
    products = scores[:, :, None] * features[:, None]
    prototypes = products.mean((3, 4))[..., None, None]
    expected = torch.cosine_similarity(features[:, None], prototypes, dim=2)
    found = prototype_maps(features, scores)
    assert torch.allclose(found, expected.relu(), atol=1e-6)


# ----------------------------------------------------------------- invariance
@pytest.mark.parametrize('block', [1, 7, 30])
def test_blocks_agree(block, monkeypatch):
    scores, features = maps()
    whole = structure_ious(scores, features)
    seeds = structure_seeds(scores, features)
    monkeypatch.setattr(sys.modules[structure_ious.__module__], 'BLOCK', block)
    ours = structure_ious(scores, features)
    assert torch.allclose(ours, whole, atol=1e-6)
    assert torch.equal(structure_seeds(scores, features), seeds)


def test_lengths_do_not_matter():
    scores, features = maps()
    seeds = structure_seeds(scores, features)
    assert torch.equal(structure_seeds(scores, 50 * features), seeds)
    expected = prototype_maps(features, seeds)
    for a, b in ((7, 1), (1, 0.01), (1, 50)):
        found = prototype_maps(b * features, a * seeds)
        assert torch.allclose(found, expected, atol=1e-3), (a, b)


def test_equal_features_are_like_their_prototype():
    _, features = maps(size=(1, 1))
    features = features.expand(2, 9, 5, 6)
    seeds = torch.zeros(2, 4, 5, 6)
    seeds[:, 1, 2, 3] = seeds[:, 2] = 1
    found = prototype_maps(features, seeds)
    assert torch.allclose(found[:, 1:3], torch.ones(()), atol=1e-5)
    assert not found[:, [0, 3]].any()


def test_padding_is_in_no_structure():
    scores, features = maps()
    inside = torch.zeros(5, 6)
    inside[:4, :5] = 1
    padded = structure_ious(scores * inside, features * inside)
    cut = structure_ious(scores[..., :4, :5], features[..., :4, :5])
    assert torch.allclose(padded[..., :4, :5], cut, atol=1e-6)
    seeds = structure_seeds(scores * inside, features * inside)
    assert (seeds[..., 4, :].argmax(1) == 0).all()


def test_zeros_are_finite():
    scores, features = torch.zeros(1, 3, 2, 2), torch.zeros(1, 5, 2, 2)
    features.requires_grad_()
    seeds = structure_seeds(scores, features)
    assert seeds[:, 0].all() and not seeds[:, 1:].any()
    found = prototype_maps(features, seeds)
    found.sum().backward()
    assert not found.any() and torch.isfinite(features.grad).all()


def test_gradcheck():
    _, features = maps(n=1, width=3, size=(2, 3), dtype=torch.float64)
    seeds = torch.zeros(1, 2, 2, 3, dtype=torch.float64)
    seeds[0, 0, 0], seeds[0, 1, 1] = 1, 1
    torch.autograd.gradcheck(
        lambda f: prototype_maps(f, seeds), (features.requires_grad_(),)
    )


def test_errors():
    scores, features = maps()
    with pytest.raises(ValueError, match='on one grid'):
        structure_seeds(scores, features[..., :4])
    with pytest.raises(ValueError, match='on one grid'):
        structure_seeds(scores[0], features)
    for wrong in (features[..., :4], features[:1]):
        with pytest.raises(ValueError, match='on one grid'):
            prototype_maps(wrong, scores)
