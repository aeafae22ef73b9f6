"""Products with the matrix of affinities: values, blocks, memory, errors."""

import pytest
import torch

from mmseg_wsss.pseudo_labels import affinity_product


def case(n=2, channels=3, depth=5, cells=24, dtype=torch.float32):
    torch.manual_seed(0)
    values = torch.rand(n, channels, cells, dtype=dtype)
    return values, torch.randn(n, depth, cells, dtype=dtype)


def test_against_a_loop():
    values, features = case()
    products, sums = affinity_product(values, features)
    assert products.shape == (2, 3, 24) and sums.shape == (2, 1, 24)
    for n in range(2):
        for j in range(24):
            total, weighted = 0.0, torch.zeros(3)
            for i in range(24):
                dot = float(features[n, :, i] @ features[n, :, j])
                total += max(dot, 0.0)
                weighted += max(dot, 0.0) * values[n, :, i]
            assert sums[n, 0, j].item() == pytest.approx(total, rel=1e-4)
            assert torch.allclose(products[n, :, j], weighted, atol=1e-4)


@pytest.mark.parametrize('block', [1, 7, 24, 1000])
def test_blocks_agree(block):
    values, features = case()
    whole = affinity_product(values, features, block=24)
    parts = affinity_product(values, features, block=block)
    for a, b in zip(whole, parts, strict=True):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('block', [1, 7, 24])
def test_gradients(block):
    values, features = case(n=1, cells=9, dtype=torch.float64)
    values.requires_grad_()
    features.requires_grad_()
    torch.autograd.gradcheck(
        lambda v, f: affinity_product(v, f, block), (values, features)
    )


def test_inputs_are_left_alone():
    values, features = case()
    before = values.clone(), features.clone()
    affinity_product(values, features)
    assert torch.equal(values, before[0])
    assert torch.equal(features, before[1])


def test_no_tensor_is_larger_than_a_block():
    """The whole matrix of 600 cells would have 360,000 entries."""
    sizes = []

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                sizes.append(out.numel())
            return out

    values, features = case(n=1, cells=600)
    with torch.no_grad(), Sizes():
        affinity_product(values, features, block=50)
    assert max(sizes) == 600 * 50


def test_gradients_of_values_alone():
    values, features = case(n=1, cells=9, dtype=torch.float64)
    values.requires_grad_()
    torch.autograd.gradcheck(
        lambda v: affinity_product(v, features, 4), (values,)
    )


@pytest.mark.parametrize('block', [7, 24])
def test_with_and_without_gradient_alike(block):
    values, features = case()
    features.requires_grad_()
    with torch.no_grad():
        expected = affinity_product(values, features, block)
    for a, b in zip(
        affinity_product(values, features, block), expected, strict=True
    ):
        assert torch.equal(a.detach(), b)


def test_errors():
    values, features = case()
    with pytest.raises(ValueError, match='block must be >= 1'):
        affinity_product(values, features, block=0)
    with pytest.raises(ValueError, match='same cells'):
        affinity_product(values, features[..., :-1])
    with pytest.raises(ValueError, match='same cells'):
        affinity_product(values[0], features[0])
