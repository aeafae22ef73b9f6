import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss import FSL, batch_context, feature_similarity_loss
from mmseg_wsss.models.losses import fsl as module
from mmseg_wsss.models.losses.base import ClassLogits
from mmseg_wsss.models.losses.fsl import gate_present, pair_kernel


def literal_loss(a, x, mu=2.5, sigma=5.0):
    """Eqs. 9 to 13 over all pairs, as printed."""
    height, width = a.shape[2:]
    rows, cols = torch.meshgrid(
        torch.arange(height), torch.arange(width), indexing='ij'
    )
    p = torch.stack([rows, cols], -1).view(-1, 2).to(a)
    distance2 = (p[:, None] - p).square().sum(-1)
    w = torch.exp(-distance2 / (2 * sigma**2)) / (2 * math.pi * sigma**2)
    a, x = a.flatten(2), x.flatten(2)
    delta = (x[:, :, :, None] - x[:, :, None]).abs().sum(1) / 3
    f = torch.tanh(mu + torch.log(delta / (1 - delta)))
    g = (a[:, :, :, None] - a[:, :, None]).square().sum(1) / 2
    return -(w * g * f).sum((1, 2)) / (height * width)


def random_case(n=2, k=3, h=13, w=11, dtype=torch.float64):
    torch.manual_seed(0)
    gated = torch.rand(n, k, h, w, dtype=dtype, requires_grad=True)
    images = torch.rand(n, 3, h + 2, w + 2, dtype=dtype)
    return gated, F.avg_pool2d(images, 3, 1)


def relative(value, reference):
    return ((value - reference).norm() / reference.norm()).item()


@pytest.mark.parametrize('sigma', [1.0, 5.0])
@pytest.mark.parametrize(
    ('dtype', 'tolerance'), [(torch.float64, 1e-10), (torch.float32, 1e-5)]
)
def test_equals_the_literal_form(dtype, tolerance, sigma):
    # 45 rows: the window cuts some off for sigma 5, most for sigma 1.
    gated, images = random_case(n=1, k=2, h=45, w=20)
    expected = literal_loss(gated, images, sigma=sigma)
    (gradient,) = torch.autograd.grad(expected.sum(), gated)
    ours = gated.detach().to(dtype).requires_grad_()
    loss = feature_similarity_loss(ours, images.to(dtype), sigma=sigma)
    loss.sum().backward()
    assert relative(loss.double(), expected) < tolerance
    assert relative(ours.grad.double(), gradient) < tolerance


@pytest.mark.parametrize(
    ('dtype', 'tolerance'), [(torch.float64, 1e-10), (torch.float32, 1e-5)]
)
def test_far_pairs_may_be_left_out(dtype, tolerance):
    # A ramp over a constant image: distant rows differ most.
    ramp = torch.linspace(0, 1, 112, dtype=torch.float64).view(1, 1, -1, 1)
    gated, images = ramp.repeat(1, 1, 1, 2), torch.full((1, 3, 112, 2), 0.5)
    expected = literal_loss(gated, images.double())
    loss = feature_similarity_loss(gated.to(dtype), images)
    assert relative(loss.double(), expected) < tolerance


@pytest.mark.parametrize('pairs', [1, 13 * 11**2 * 2, 2**24])
@pytest.mark.parametrize('device', ['cpu', 'gpu'])
def test_both_loops_in_pieces_give_the_same(monkeypatch, pairs, device):
    gated, images = random_case(n=5)
    monkeypatch.setattr(module, '_PAIRS_ON_CPU', pairs)
    monkeypatch.setattr(module, '_PAIRS_ON_GPU', pairs)
    if device == 'gpu':
        by_blocks = module._laplacian_by_blocks
        monkeypatch.setattr(module, '_laplacian_by_rows', by_blocks)
    loss = feature_similarity_loss(gated, images)
    assert relative(loss, literal_loss(gated, images)) < 1e-10


def test_gradcheck():
    gated, images = random_case(n=1, k=2, h=4, w=5)
    assert torch.autograd.gradcheck(
        lambda a: feature_similarity_loss(a, images, sigma=2.0), gated
    )


def kernel_of(delta, mu=2.5):
    """w f of two cells whose colours differ by delta, with w = 1."""
    top = torch.full((3, 1, 1, 1, 1), delta, dtype=torch.float64)
    one = torch.ones(1, 1, dtype=torch.float64)
    return pair_kernel(top, torch.zeros_like(top), one, mu).item()


def test_values_of_the_dissimilarity():
    assert kernel_of(0.0) == -1
    assert kernel_of(1.0) == pytest.approx(1)
    zero = 1 / (1 + math.exp(2.5))
    assert zero == pytest.approx(0.07586, abs=1e-5)
    assert kernel_of(zero) == pytest.approx(0, abs=1e-12)
    assert kernel_of(0.3) == pytest.approx(
        math.tanh(2.5 + math.log(0.3 / 0.7)), abs=1e-12
    )


def test_two_cells_by_hand():
    gated = torch.tensor([[[[0.9, 0.2]]]], dtype=torch.float64)
    images = torch.zeros(1, 3, 1, 2, dtype=torch.float64)
    images[:, 0, 0, 1] = 0.6
    w = math.exp(-1 / 50) / (50 * math.pi)
    assert 1 / (50 * math.pi) == pytest.approx(0.0063662, abs=1e-7)
    f = math.tanh(2.5 + math.log(0.2 / 0.8))
    expected = -2 * w * f * 0.7**2 / 2 / 2
    loss = feature_similarity_loss(gated, images)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    assert loss < 0


def test_constant_image_draws_predictions_together():
    gated, images = random_case()
    flat = torch.full_like(images, 0.4)
    loss = feature_similarity_loss(gated, flat)
    # f = -1 everywhere and f = +1 everywhere: the sum of w g / HW.
    expected = -literal_loss(gated, images, mu=1e6)
    assert torch.allclose(loss, expected) and (loss > 0).all()
    loss.sum().backward()
    step = (gated - 0.5 * gated.grad / gated.grad.abs().max()).detach()
    assert (feature_similarity_loss(step, flat) < loss).all()


def test_constant_prediction_gives_zero_and_no_gradient():
    _, images = random_case(dtype=torch.float32)
    gated = torch.full((2, 3, 13, 11), 0.7, requires_grad=True)
    loss = feature_similarity_loss(gated, images)
    loss.sum().backward()
    assert loss.abs().max() < 1e-12 and gated.grad.abs().max() < 1e-9


def labelled(logits, *rows, **options):
    labels = torch.tensor(rows, dtype=torch.float32)
    images = torch.rand(
        len(logits), 3, *logits.shape[2:], generator=torch.manual_seed(1)
    )
    return FSL(**options)(
        logits, image_labels=labels, background_index=None, images=images
    )


@pytest.mark.parametrize('gate', module.GATES)
def test_absent_classes_do_not_matter(gate):
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 6, 6, requires_grad=True)
    loss = labelled(logits, [1, 0, 0, 1], [0, 1, 0, 0], gate=gate)
    loss.backward()
    touched = logits.grad.abs().amax((2, 3)) > 0
    absent = torch.tensor([[0, 1, 1, 0], [1, 0, 1, 1]]).bool()
    assert touched[~absent].all()
    if gate != 'softmax':  # whose classes depend on each other
        assert not touched[absent].any()


def test_gates_by_hand():
    logits = torch.tensor([[[[1.0, 4.0, -2.0]], [[0.0, 0.0, 3.0]]]])
    inputs = ClassLogits(
        logits, torch.tensor([[1, 0]]), torch.zeros(1, 1, 1, 3)
    )
    expected = {
        'max_norm': [0.25, 1, 0],
        'min_max': [0.25, 1, 0],
        'sigmoid': torch.tensor([1.0, 4, -2]).sigmoid().tolist(),
        'softmax': [
            math.exp(1) / (1 + math.exp(1) + 1),
            math.exp(4) / (1 + math.exp(4) + 1),
            math.exp(-2) / (1 + math.exp(-2) + math.exp(3)),
        ],
    }
    for gate, values in expected.items():
        gated = gate_present(inputs, gate)
        assert gated.shape == (1, 1, 1, 3)
        assert gated.flatten().tolist() == pytest.approx(values, abs=1e-4)


def test_gradient_flows_through_the_maximum():
    logits = torch.rand(1, 1, 5, 5, dtype=torch.float64) + 1
    images = torch.rand(1, 3, 5, 5, dtype=torch.float64)

    def loss(values):
        return FSL(sigma=2.0)(
            values,
            image_labels=torch.ones(1, 1),
            background_index=None,
            images=images,
        )

    assert torch.autograd.gradcheck(loss, logits.requires_grad_())


def test_background_channel_doubles_a_single_class():
    torch.manual_seed(0)
    logits = torch.randn(1, 3, 8, 8)
    plain = labelled(logits, [0, 1, 0])
    double = labelled(logits, [0, 1, 0], with_background=True)
    assert double.item() == pytest.approx(2 * plain.item(), rel=1e-5)


@pytest.mark.parametrize('with_background', [False, True])
def test_empty_labels_give_zero_with_a_gradient_path(with_background):
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = labelled(
        logits, [0, 0, 0], [0, 0, 0], with_background=with_background
    )
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-7)
    assert logits.grad.abs().max() == 0


def test_single_cell_and_negative_maps():
    logits = torch.full((1, 2, 1, 1), 3.0, requires_grad=True)
    loss = labelled(logits, [1, 1])
    loss.backward()
    assert loss == 0 and torch.isfinite(logits.grad).all()
    logits = torch.full((1, 1, 3, 3), -3.0, requires_grad=True)
    loss = labelled(logits, [1])
    loss.backward()
    assert loss == 0 and torch.isfinite(logits.grad).all()


def test_images_and_logits_are_brought_to_one_size():
    torch.manual_seed(0)
    logits = torch.randn(2, 2, 8, 6)
    labels = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    images = torch.rand(2, 3, 32, 24)
    small = F.avg_pool2d(images, 4)
    loss = FSL()(
        logits, image_labels=labels, background_index=None, images=images
    )
    expected = FSL()(
        logits, image_labels=labels, background_index=None, images=small
    )
    assert torch.allclose(loss, expected)
    pooled = FSL(max_size=4)(
        logits, image_labels=labels, background_index=None, images=images
    )
    expected = FSL()(
        F.avg_pool2d(logits, 2),
        image_labels=labels,
        background_index=None,
        images=F.avg_pool2d(images, 8),
    )
    assert torch.allclose(pooled, expected)
    enlarged = F.interpolate(logits, scale_factor=2, mode='bilinear')
    loss = FSL(upsample=2)(
        logits, image_labels=labels, background_index=None, images=images
    )
    expected = FSL()(
        enlarged, image_labels=labels, background_index=None, images=images
    )
    assert torch.allclose(loss, expected)


def test_point_colours_are_those_of_single_pixels():
    torch.manual_seed(0)
    logits = torch.randn(1, 1, 3, 3)
    images = torch.rand(1, 3, 9, 9)
    call = dict(image_labels=torch.ones(1, 1), background_index=None)
    loss = FSL(colours='point')(logits, images=images, **call)
    # Aligned corners: rows and columns 0, 4 and 8 of 9.
    expected = FSL()(logits, images=images[:, :, ::4, ::4], **call)
    assert torch.allclose(loss, expected)
    assert not torch.allclose(loss, FSL()(logits, images=images, **call))


def test_the_published_form():
    """A literal form of the code: all channels, the background's 1 - max."""
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).double()
    images = torch.rand(2, 3, 21, 21, dtype=torch.float64)
    loss = FSL(gate='min_max', with_background=True, colours='point')(
        logits + 2, image_labels=labels, background_index=None, images=images
    )
    cam = (logits + 2).relu()
    low, high = cam.amin((2, 3), True), cam.amax((2, 3), True)
    cam = ((cam - low - 1e-5) / (high - low + 1e-5)).clamp(min=0)
    cam = cam * labels[:, :, None, None]
    both = torch.cat([1 - cam.amax(1, keepdim=True), cam], 1)
    expected = literal_loss(both, images[:, :, ::4, ::4]).mean()
    assert relative(loss, expected) < 1e-4  # of their 1e-5


def test_autocast_and_half_precision():
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 6, 6)
    expected = labelled(logits, [1, 1])
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(labelled(logits, [1, 1]), expected)
        gated, images = random_case(dtype=torch.float32)
        alone = feature_similarity_loss(gated, images)
    assert torch.equal(alone, feature_similarity_loss(gated, images))
    half = logits.half().requires_grad_()
    loss = labelled(half, [1, 1])
    loss.backward()
    assert loss.dtype == torch.float32
    assert half.grad.dtype == torch.float16
    assert loss.item() == pytest.approx(expected.item(), rel=1e-2)


def test_huge_logits_stay_finite():
    logits = torch.full((1, 1, 4, 4), -1e4)
    logits[..., 0] = 1e4
    for gate in module.GATES:
        values = logits.clone().requires_grad_()
        loss = labelled(values, [1], gate=gate)
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(values.grad).all()


def test_images_come_from_the_batch():
    logits = torch.randn(1, 1, 4, 4, generator=torch.manual_seed(0))
    images = torch.rand(1, 3, 8, 8)
    labels = torch.ones(1, 1)
    with batch_context(None, lambda: images):
        loss = FSL()(logits, image_labels=labels, background_index=None)
    expected = FSL()(
        logits, image_labels=labels, background_index=None, images=images
    )
    assert torch.equal(loss, expected)
    with pytest.raises(RuntimeError, match='FSL needs the images'):
        FSL()(logits, image_labels=labels, background_index=None)


def test_nan_logits():
    logits = torch.zeros(1, 2, 3, 3)
    logits[0, 1, 0, 0] = float('nan')
    with pytest.raises(ValueError, match=r'FSL: logits of channel \[1\]'):
        labelled(logits, [1, 0])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(gate='relu'), 'gate must be one of'),
        (dict(colours='pixel'), 'colours must be one of'),
        (dict(sigma=0), 'sigma must be positive'),
        (dict(upsample=1.5), 'upsample is an integer'),
        (dict(max_size=0), 'max_size must be >= 1'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        FSL(**options)


def test_bad_shapes():
    with pytest.raises(ValueError, match=r'multi-hot \(N, C\)'):
        FSL()(torch.rand(1, 2, 4, 4), image_labels=torch.ones(2))
    with pytest.raises(ValueError, match='at least one image'):
        labelled(torch.rand(0, 2, 4, 4), [1, 0])
    with pytest.raises(ValueError, match='images must be'):
        feature_similarity_loss(torch.rand(1, 1, 4, 4), torch.rand(1, 3, 5, 5))


def test_an_empty_batch():
    gated = torch.rand(0, 2, 4, 4, requires_grad=True)
    loss = feature_similarity_loss(gated, torch.rand(0, 3, 4, 4))
    loss.sum().backward()
    assert loss.shape == (0,) and gated.grad.shape == gated.shape
    blocks = module._laplacian_by_blocks  # of a GPU
    cells, colours = torch.zeros(0, 4, 5, 2), torch.zeros(3, 0, 4, 5)
    assert blocks(cells, colours, 2.5, 5.0).shape == cells.shape
