"""MCTformer+'s losses: rank pooling and the contrast of class tokens."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmseg_wsss import GWRPLoss, TokenContrastLoss, token_contrast
from mmseg_wsss.models.losses.pooling_loss import pooling_loss, rank_pooling

LABELS = torch.tensor([[1.0, 1, 0, 1], [1, 0, 1, 0]])


def tokens(n=2, dtype=torch.float32):
    torch.manual_seed(0)
    return torch.randn(n, 3, 3, 5, dtype=dtype, requires_grad=True)


# ------------------------------------------------------------------- contrast
def test_orthonormal_and_identical_tokens():
    labels = torch.ones(1, 2)
    orthonormal = torch.eye(2).view(1, 1, 2, 2)
    expected = math.log(1 + math.exp(-1.0))
    for length in (1, 7):
        value = token_contrast(length * orthonormal, labels).item()
        assert value == pytest.approx(expected) == pytest.approx(0.3132617)
    same = torch.ones(1, 4, 2, 3)
    assert token_contrast(same, labels).item() == pytest.approx(math.log(2))


def test_against_a_loop():
    found, labels = tokens(), LABELS[:, 1:]
    total = 0.0
    for n in range(2):
        present = labels[n].nonzero().flatten().tolist()
        for layer in range(3):
            for k in present:
                cosines = F.cosine_similarity(
                    found[n, layer, k], found[n, layer], dim=1
                )
                loss = F.cross_entropy(cosines[None], torch.tensor([k]))
                total += loss.item() / len(present) / 3 / 2
    assert token_contrast(found, labels).item() == pytest.approx(total)


def test_gradcheck():
    labels = LABELS[:, 1:].double()
    torch.autograd.gradcheck(
        lambda t: token_contrast(t, labels), (tokens(dtype=torch.float64),)
    )


def test_absent_classes_are_pushed_away_but_have_no_row():
    found = tokens(n=1)
    token_contrast(found, torch.tensor([[1.0, 0.0, 0.0]])).backward()
    assert found.grad.abs().sum(3).all()
    other = found.detach().clone()
    # A row of an absent class does not count: only its likeness to others.
    other[:, :, 1], other[:, :, 2] = found[:, :, 2], found[:, :, 1]
    labels = torch.tensor([[1.0, 0.0, 0.0]])
    assert torch.allclose(
        token_contrast(other, labels), token_contrast(found, labels)
    )


def test_without_a_class_it_is_zero_with_a_gradient_path():
    found = tokens()
    loss = token_contrast(found, torch.zeros(2, 3))
    loss.backward()
    assert loss == 0 and not found.grad.any()


def test_the_loss_of_a_batch_is_the_mean_of_its_halves():
    """DDP averages over ranks with batches of one size."""
    found, labels = tokens(), LABELS[:, 1:]
    halves = [token_contrast(found[[i]], labels[[i]]) for i in range(2)]
    assert torch.allclose(token_contrast(found, labels), sum(halves) / 2)


def test_module():
    loss = TokenContrastLoss(loss_weight=0.5)
    cam, found = torch.zeros(2, 3, 4, 4), tokens().detach()
    value = loss(cam, image_labels=LABELS, tokens=found)
    assert torch.allclose(value, token_contrast(found, LABELS[:, 1:]) / 2)
    half = loss(cam, image_labels=LABELS, tokens=found.half())
    assert half.dtype == torch.float32
    assert torch.allclose(half, value, atol=1e-3)
    with pytest.raises(ValueError, match='TokenCAMHead'):
        loss(cam, image_labels=LABELS)
    with pytest.raises(ValueError, match=r'labels \(N, K\)'):
        token_contrast(found, LABELS)


# --------------------------------------------------------------- rank pooling
def test_rank_pooling():
    pair = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
    assert rank_pooling(pair).item() == pytest.approx(2.0020040)
    constant = torch.full((1, 1, 5, 6), 2.5)
    assert rank_pooling(constant).item() == pytest.approx(2.5)
    torch.manual_seed(0)
    cam = torch.randn(2, 3, 4, 5)
    assert torch.allclose(rank_pooling(cam, 1), cam.mean((2, 3)))
    assert torch.allclose(rank_pooling(cam, 0), cam.amax((2, 3)))
    mixed = cam.flatten(2)[:, :, torch.randperm(20)].view_as(cam)
    assert torch.allclose(rank_pooling(mixed), rank_pooling(cam))


def test_rank_pooling_gradcheck():
    cam = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda x: rank_pooling(x, 0.9), (cam,))


def test_loss_of_rank_pooling():
    torch.manual_seed(0)
    cam = torch.randn(2, 3, 4, 5)
    loss = GWRPLoss()
    pooled = rank_pooling(cam, 0.996)
    expected = F.multilabel_soft_margin_loss(pooled, LABELS[:, 1:])
    assert torch.allclose(loss(cam, image_labels=LABELS), expected)
    mean = GWRPLoss(decay=1.0)(cam, image_labels=LABELS)
    assert torch.allclose(mean, pooling_loss(cam, LABELS[:, 1:]))
    half = loss(cam.half(), image_labels=LABELS)
    assert half.dtype == torch.float32
    assert 'decay=0.996' in repr(loss)
    with pytest.raises(ValueError, match='decay'):
        GWRPLoss(decay=1.1)
