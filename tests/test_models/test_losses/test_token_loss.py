"""The loss of the class tokens: numbers, gradients, half precision, ranks."""

import math

import pytest
import torch

from mmseg_wsss import TokenLoss

CAM = torch.zeros(2, 2, 4, 4)
LABELS = torch.tensor([[1.0, 1, 0], [1, 0, 1]])


def loss(token_logits, labels=LABELS, **options):
    cam = CAM[: len(labels)]
    return TokenLoss(**options)(
        cam, image_labels=labels, token_logits=token_logits
    )


def test_by_hand():
    logits = torch.tensor([[1.0, 0.0], [2.0, -1.0]])
    terms = (
        math.log(1 + math.exp(-1.0)),
        math.log(2),
        math.log(1 + math.exp(2.0)),
        math.log(1 + math.exp(1.0)),
    )
    assert loss(logits).item() == pytest.approx(sum(terms) / 4, rel=1e-6)
    weighted = loss(logits, loss_weight=0.5).item()
    assert weighted == pytest.approx(sum(terms) / 8, rel=1e-6)
    assert TokenLoss().loss_name == 'loss_token'


def test_gradcheck():
    logits = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(loss, (logits,))


def test_half_precision_is_computed_in_float32():
    logits = torch.tensor([[9.0, -9.0], [-9.0, 9.0]])
    value = loss(logits.half())
    assert value.dtype == torch.float32
    assert value == loss(logits)


def test_the_loss_of_a_batch_is_the_mean_of_its_halves():
    """DDP averages over ranks with batches of one size."""
    logits = torch.randn(2, 2)
    halves = [loss(logits[i : i + 1], LABELS[i : i + 1]) for i in range(2)]
    assert torch.allclose(loss(logits), sum(halves) / 2)


def test_in_another_head():
    with pytest.raises(ValueError, match='TokenCAMHead'):
        loss(None)
