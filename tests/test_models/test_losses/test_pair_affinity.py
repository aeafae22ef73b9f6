import pytest
import torch

from mmseg_wsss import PairAffinityLoss, pair_affinity_loss
from mmseg_wsss.models.losses.pair_affinity import window_pairs


def case(n, h, w, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    size = n, h * w, h * w
    affinity = torch.rand(*size, generator=generator, dtype=dtype)
    label = torch.randint(0, 3, (n, h, w), generator=generator)
    label[0, 0, :2] = 255
    return affinity.requires_grad_(), label


def loss_of(positives, negatives):
    """The loss with so many pairs of affinity 0.8 and 0.3."""
    one = positives * (1 - 0.8) / (positives + 1)
    return (one + negatives * 0.3 / (negatives + 1)) / 2


def test_by_hand():
    assert loss_of(1, 1) == pytest.approx(0.125)
    assert loss_of(100, 50) == pytest.approx(0.246069, abs=1e-6)
    # Two cells of two labels have two positive and two negative pairs.
    affinity = torch.tensor([[[0.8, 0.3], [0.3, 0.8]]]).repeat(50, 1, 1)
    label = torch.tensor([[[0, 1]]]).repeat(50, 1, 1)
    for count in (1, 50):
        found = pair_affinity_loss(affinity[:count], label[:count])
        assert found.item() == pytest.approx(loss_of(2 * count, 2 * count))
    # In 25 images of one label the negatives become positives of 0.8 ...
    affinity[25:] = 0.8
    label[25:] = 2
    found = pair_affinity_loss(affinity, label).item()
    assert found == pytest.approx(loss_of(150, 50))
    # ... of which an ignored cell leaves one each.
    label[25:, :, 1] = 255
    found = pair_affinity_loss(affinity, label).item()
    assert found == pytest.approx(loss_of(75, 50))
    # 25 more images of one cell: 100 and 50, the numbers of the page.
    affinity = torch.cat([affinity, affinity[25:]])
    label = torch.cat([label, label[25:]])
    found = pair_affinity_loss(affinity, label).item()
    assert found == pytest.approx(0.246069, abs=1e-6)


def test_window():
    assert window_pairs(3, 3, 1).sum() == 49
    assert window_pairs(3, 3, 2).sum() == 81
    assert window_pairs(3, 3, 9).all()
    near = window_pairs(4, 7, 2)
    for i in range(28):
        for j in range(28):
            rows, columns = abs(i // 7 - j // 7), abs(i % 7 - j % 7)
            assert near[i, j] == (rows <= 2 and columns <= 2)


@pytest.mark.parametrize(('size', 'radius'), [((20, 20), 8), ((3, 5), 1)])
def test_against_a_loop(size, radius):
    affinity, label = case(1, *size)
    h, w = size
    positive, negative = [], []
    values = affinity[0].tolist()
    flat = label[0].flatten().tolist()
    for i in range(h * w):
        for j in range(h * w):
            near = abs(i // w - j // w) <= radius
            near = near and abs(i % w - j % w) <= radius
            if not near or 255 in (flat[i], flat[j]):
                continue
            if flat[i] == flat[j]:
                positive.append(1 - values[i][j])
            else:
                negative.append(values[i][j])
    expected = sum(positive) / (len(positive) + 1)
    expected = (expected + sum(negative) / (len(negative) + 1)) / 2
    found = pair_affinity_loss(affinity, label, radius).item()
    assert found == pytest.approx(expected, abs=1e-12)


def test_gradient_and_no_pairs():
    affinity, label = case(2, 2, 3)
    torch.autograd.gradcheck(
        lambda a: pair_affinity_loss(a, label, radius=1), affinity
    )
    found = pair_affinity_loss(affinity, torch.full_like(label, 255))
    assert found == 0
    found.backward()
    assert not affinity.grad.any()


def test_half_precision():
    affinity, label = case(2, 2, 3)
    loss = PairAffinityLoss(radius=1)
    expected = loss(affinity.half().float(), label)
    assert torch.equal(loss(affinity.half(), label), expected)
    assert expected.item() == pytest.approx(
        0.1 * pair_affinity_loss(affinity, label, 1).item(), abs=1e-4
    )


def test_wrong_input():
    affinity, label = case(2, 2, 3)
    with pytest.raises(ValueError, match=r'\(N, h \* w, h \* w\), got'):
        pair_affinity_loss(affinity[:, :4], label)
    with pytest.raises(ValueError, match='radius'):
        PairAffinityLoss(radius=0)
