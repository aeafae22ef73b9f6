import pytest
import torch

from mmseg_wsss.pseudo_labels import affinity as module
from mmseg_wsss.pseudo_labels.affinity import (
    boundary_affinity,
    embedding_affinity,
    pair_offsets,
    partner,
    path_cells,
)
from mmseg_wsss.pseudo_labels.pairs import pair_labels, reduce_label


def pairs_of(height, width, offsets):
    """Every pair inside a map: offset number, cell, partner."""
    for p, (dy, dx) in enumerate(offsets):
        for y in range(height):
            for x in range(width):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    yield p, (y, x), (y + dy, x + dx)


@pytest.mark.parametrize(('radius', 'count'), [(5, 34), (10, 152), (1.5, 4)])
def test_number_of_offsets(radius, count):
    offsets = pair_offsets(radius)
    assert len(offsets) == len(set(offsets)) == count
    both = {*offsets, *((-dy, -dx) for dy, dx in offsets)}
    assert len(both) == 2 * count and (0, 0) not in both
    assert all(dy > 0 or (dy == 0 and dx > 0) for dy, dx in offsets)
    assert all(dy * dy + dx * dx < radius * radius for dy, dx in offsets)


def test_radius_two_by_hand():
    assert pair_offsets(2) == [(0, 1), (1, -1), (1, 0), (1, 1)]
    for radius in (1, 0, -3, float('nan')):
        with pytest.raises(ValueError, match='above 1 cell'):
            pair_offsets(radius)


@pytest.mark.parametrize(
    'offset', [(0, 1), (1, -1), (2, 0), (-1, 2), (3, 0), (0, -5), (9, 9)]
)
@pytest.mark.parametrize('dtype', [torch.float32, torch.int64, torch.bool])
def test_partner(offset, dtype):
    x = torch.arange(12).view(2, 1, 3, 2).to(dtype)
    out = partner(x, offset, 7)
    assert out.shape == x.shape and out.dtype == dtype
    expected = torch.full_like(x, 7)
    for _, (y, x0), (y2, x2) in pairs_of(3, 2, [offset]):
        expected[..., y, x0] = x[..., y2, x2]
    assert torch.equal(out, expected)


def test_paths_by_hand():
    assert path_cells((0, 2)) == ((0, 0), (0, 1), (0, 2))
    assert path_cells((2, 0)) == ((0, 0), (1, 0), (2, 0))
    # Beside a diagonal lie cells at a distance of 0.71.
    assert set(path_cells((1, -1))) == {(0, 0), (0, -1), (1, 0), (1, -1)}
    # (0, 2) lies 0.89 from the line to (1, 2), (1, 0) as far.
    assert len(path_cells((1, 2))) == 6
    assert (0, 2) not in path_cells((2, 2))


def test_paths_are_symmetric_and_hold_both_ends():
    for dy, dx in pair_offsets(10):
        cells = path_cells((dy, dx))
        assert {(0, 0), (dy, dx)} <= set(cells)
        assert {(dy - y, dx - x) for y, x in cells} == set(cells)
        back = {(y - dy, x - dx) for y, x in cells}
        assert set(path_cells((-dy, -dx))) == back
        mirrored = {(y, -x) for y, x in cells}
        assert set(path_cells((dy, -dx))) == mirrored
        for y, x in cells:
            assert abs(y * dx - x * dy) < (dy * dy + dx * dx) ** 0.5


def test_embedding_affinity_equals_a_loop():
    torch.manual_seed(0)
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    offsets = pair_offsets(3)
    expected = torch.zeros(2, len(offsets), 4, 5, dtype=torch.float64)
    for p, i, j in pairs_of(4, 5, offsets):
        for n in range(2):
            fi, fj = features[n][(..., *i)], features[n][(..., *j)]
            expected[(n, p, *i)] = torch.exp(-(fi - fj).abs().sum() / 3)
    assert torch.allclose(embedding_affinity(features, offsets), expected)


def test_embedding_affinity_by_hand():
    features = torch.tensor([[0.0, 1.0, 1.0]]).log1p().view(1, 1, 1, 3)
    out = embedding_affinity(features, [(0, 1), (0, 2), (1, 0)])
    assert torch.allclose(
        out[0, :, 0],
        torch.tensor([[0.5, 1, 0], [0.5, 0, 0], [0, 0, 0]]),
    )


def test_boundary_affinity_equals_a_loop():
    torch.manual_seed(0)
    boundary = torch.rand(2, 1, 5, 4, dtype=torch.float64)
    offsets = pair_offsets(10)
    expected = torch.zeros(2, len(offsets), 5, 4, dtype=torch.float64)
    for p, (y, x), _ in pairs_of(5, 4, offsets):
        path = path_cells(offsets[p])
        for n in range(2):
            most = max(boundary[n, 0, y + b, x + a].item() for b, a in path)
            expected[n, p, y, x] = 1 - most
    assert torch.allclose(boundary_affinity(boundary, offsets), expected)


def test_a_wall_parts_both_sides():
    boundary = torch.zeros(1, 1, 5, 7)
    boundary[..., 3] = 0.75
    offsets = pair_offsets(4)
    out = boundary_affinity(boundary, offsets)
    for p, (y, x), (_, x2) in pairs_of(5, 7, offsets):
        crosses = min(x, x2) <= 3 <= max(x, x2)
        assert out[0, p, y, x].item() == (0.25 if crosses else 1)


@pytest.mark.parametrize('function', [embedding_affinity, boundary_affinity])
def test_gradients(function, monkeypatch):
    torch.manual_seed(0)
    channels = 1 if function is boundary_affinity else 2
    x = torch.rand(1, channels, 3, 3, dtype=torch.float64, requires_grad=True)
    offsets = [(0, 1), (1, -2), (1, 1), (2, 0), (2, 2)]
    assert torch.autograd.gradcheck(lambda t: function(t, offsets), x)
    weight = torch.rand(1, len(offsets), 3, 3)
    (grad,) = torch.autograd.grad((function(x, offsets) * weight).sum(), x)
    monkeypatch.setattr(module, 'recomputed', lambda f, *args: f(*args))
    (plain,) = torch.autograd.grad((function(x, offsets) * weight).sum(), x)
    assert torch.equal(grad, plain)


@pytest.mark.parametrize('function', [embedding_affinity, boundary_affinity])
def test_backward_keeps_no_pair_of_feature_maps(function):
    x = torch.rand(1, 1, 12, 12, requires_grad=True)
    offsets = pair_offsets(5)
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        function(x, offsets)
    kept = [t for t in kept if t.numel()]  # torch 2.11 keeps empty ones
    assert kept and all(t.data_ptr() == x.data_ptr() for t in kept)


@pytest.mark.parametrize('function', [embedding_affinity, boundary_affinity])
def test_half_precision_and_autocast(function):
    x = torch.rand(1, 1, 6, 6).bfloat16()
    offsets = pair_offsets(3)
    expected = function(x.float(), offsets)
    with torch.autocast('cpu', torch.bfloat16):
        out = function(x.requires_grad_(), offsets)
        out.sum().backward()
    assert out.dtype == torch.float32 and torch.equal(out, expected)
    assert torch.isfinite(x.grad).all()


def test_pair_labels_equal_a_loop():
    torch.manual_seed(0)
    label = torch.tensor([0, 1, 2, 255])[torch.randint(4, (2, 5, 6))]
    offsets = pair_offsets(4)
    for index, labels in ((0, label), (None, label), (2, label.byte())):
        expected = torch.zeros(3, 2, len(offsets), 5, 6, dtype=torch.bool)
        for p, i, j in pairs_of(5, 6, offsets):
            for n in range(2):
                a, b = label[(n, *i)].item(), label[(n, *j)].item()
                if 255 in (a, b):
                    continue
                kind = 2 if a != b else 0 if a == index else 1
                expected[(kind, n, p, *i)] = True
        out = pair_labels(labels, offsets, 255, index)
        for got, wanted in zip(out, expected, strict=True):
            assert got.dtype == torch.bool and torch.equal(got, wanted)


def test_pair_labels_of_an_uncertain_image():
    out = pair_labels(torch.full((1, 3, 3), 255), pair_offsets(3))
    assert not any(mask.any() for mask in out)


def test_votes_by_hand():
    label = torch.tensor(
        [
            [1, 1, 2, 255, 255, 255, 9],
            [1, 0, 255, 2, 255, 3, 9],
            [2, 1, 0, 0, 254, 254, 5],
            [1, 2, 0, 255, 254, 255, 5],
        ]
    )
    # A tie of 2 and 255 is won by 2, one of 1 and 2 by 1; 9 and 254 are no
    # classes; 5 ties with the two pixels behind the image's end.
    expected = torch.tensor([[1, 2, 255, 255], [1, 0, 255, 5]])
    out = reduce_label(label[None, None], 2, num_classes=6)
    assert torch.equal(out, expected[None])
    assert torch.equal(reduce_label(label[None], 1, 6)[0, 0, :6], label[0, :6])


def test_votes_equal_a_loop():
    torch.manual_seed(0)
    label = torch.randint(0, 4, (2, 7, 8), dtype=torch.uint8)
    label[label == 3] = 255
    out = reduce_label(label, 3, 3)
    assert out.shape == (2, 3, 3) and out.dtype == torch.uint8
    for n in range(2):
        for y in range(3):
            for x in range(3):
                cell = label[n, 3 * y : 3 * y + 3, 3 * x : 3 * x + 3]
                values = cell.flatten().tolist()
                values += [255] * (9 - len(values))
                best = max((0, 1, 2, 255), key=values.count)
                assert out[n, y, x] == best


def test_wrong_labels():
    with pytest.raises(ValueError, match=r'\(N, H, W\)'):
        reduce_label(torch.zeros(2, 3, 4, 4), 2, 3)
    with pytest.raises(ValueError, match='stride'):
        reduce_label(torch.zeros(2, 4, 4), 0, 3)
