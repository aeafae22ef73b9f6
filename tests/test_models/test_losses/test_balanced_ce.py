import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss import BalancedCrossEntropy, balanced_mean


def case(size=(2, 4, 5, 6), dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(*size, generator=generator, dtype=dtype)
    label = torch.randint(0, 4, (2, 5, 6), generator=generator)
    label[:, :, -1] = 255
    return logits.requires_grad_(), label


def test_by_hand():
    loss = torch.tensor([[[0.1, 0.3, 0.5, 0.7, 8.0]]], requires_grad=True)
    label = torch.tensor([[[0, 0, 3, 1, 255]]])
    found = balanced_mean(loss, label)
    assert found.item() == pytest.approx(0.4)  # (0.2 + 0.6) / 2
    found.backward()
    expected = torch.tensor([[[0.25, 0.25, 0.25, 0.25, 0]]])
    assert torch.equal(loss.grad, expected)


def test_an_empty_half_counts_nothing():
    loss = torch.tensor([[[0.1, 0.3]]], requires_grad=True)
    for label in ([[[0, 0]]], [[[2, 1]]]):
        found = balanced_mean(loss, torch.tensor(label))
        assert found.item() == pytest.approx(0.1)
    logits, label = case()
    found = BalancedCrossEntropy()(logits, torch.full_like(label, 255))
    assert found == 0
    found.backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_an_ignored_background_is_in_neither_set():
    loss = torch.tensor([[[5.0, 0.4, 0.8]]])
    found = balanced_mean(loss, torch.tensor([[[0, 2, 2]]]), ignore_index=0)
    assert found.item() == pytest.approx(0.3)


def test_against_a_loop():
    logits, label = case(dtype=torch.float64)
    sets = {True: [], False: []}
    for n, y, x in torch.cartesian_prod(*map(torch.arange, label.shape)):
        own = label[n, y, x]
        if own != 255:
            one = -logits[n, :, y, x].log_softmax(0)[own]
            sets[bool(own == 0)].append(one)
    expected = sum(sum(part) / len(part) for part in sets.values()) / 2
    found = BalancedCrossEntropy(loss_weight=3)(logits, label)
    torch.testing.assert_close(found, 3 * expected)
    weight = torch.rand(label.shape)
    loss = F.cross_entropy(logits, label, reduction='none', ignore_index=255)
    torch.testing.assert_close(
        BalancedCrossEntropy()(logits, label, weight),
        balanced_mean(loss * weight, label),
    )
    torch.autograd.gradcheck(
        lambda x: BalancedCrossEntropy()(x, label), logits
    )


def test_half_precision():
    logits, label = case()
    loss = MODELS.build(dict(type='mmseg_wsss.BalancedCrossEntropy'))
    assert loss.loss_name == 'loss_balanced_ce'
    expected = loss(logits.half().float(), label)
    assert torch.equal(loss(logits.half(), label), expected)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(loss(logits.half(), label), expected)


def test_wrong_input():
    logits, label = case()
    with pytest.raises(ValueError, match=r'label must be \(2, 5, 6\)'):
        BalancedCrossEntropy()(logits, label[:1])
    with pytest.raises(ValueError, match='C > 1'):
        BalancedCrossEntropy()(logits[:, :1], label)
