import pytest
import torch

from mmseg_wsss.pseudo_labels import pixel_adaptive
from mmseg_wsss.pseudo_labels.pixel_adaptive import (
    NEIGHBOURS,
    PAR,
    neighbour_weights,
    pixel_adaptive_refine,
    position_shares,
)


def at(monkeypatch, *dilations):
    monkeypatch.setattr(pixel_adaptive, 'DILATIONS', dilations)


def case(n=2, k=3, height=9, width=11, seed=0):
    torch.manual_seed(seed)
    scores = torch.randn(n, k, height, width).softmax(1)
    return scores, torch.rand(n, 3, height, width)


def naive(scores, images, dilations, iterations, temperature):
    """Pixel by pixel, for one image, in float64."""
    scores, images = scores.double(), images.double()
    channels, height, width = images.shape
    neighbours, weights = {}, {}
    for y in range(height):
        for x in range(width):
            at = []
            for d in dilations:
                for dy, dx in NEIGHBOURS:
                    row = min(max(y + dy * d, 0), height - 1)
                    column = min(max(x + dx * d, 0), width - 1)
                    at.append((row, column))
            k = []
            spread = [
                torch.stack(
                    [
                        *(images[c, r, s] for r, s in at),
                        *[images[c, y, x]] * len(dilations),
                    ]
                ).std()
                for c in range(channels)
            ]
            for row, column in at:
                total = 0.0
                for c in range(channels):
                    gap = abs(images[c, y, x] - images[c, row, column])
                    total += gap / (temperature * spread[c] + 1e-8)
                k.append(-total / channels)
            neighbours[y, x] = at
            weights[y, x] = torch.tensor(k).softmax(0)
    for _ in range(iterations):
        refined = torch.zeros_like(scores)
        for (y, x), at in neighbours.items():
            for (row, column), weight in zip(at, weights[y, x], strict=True):
                refined[:, y, x] += weight * scores[:, row, column]
        scores = refined
    return scores


@pytest.mark.parametrize(
    ('dilations', 'iterations', 'temperature'),
    [((1,), 1, 0.1), ((1, 2, 4), 3, 0.1), ((3, 12), 2, 1.0)],
)
def test_against_a_loop(dilations, iterations, temperature, monkeypatch):
    at(monkeypatch, *dilations)
    scores, images = case(height=5, width=6)
    ours = pixel_adaptive_refine(scores, images, iterations, temperature)
    for i in range(len(scores)):
        expected = naive(
            scores[i], images[i], dilations, iterations, temperature
        )
        assert torch.allclose(ours[i].double(), expected, atol=1e-5)


def test_constant_scores_stay():
    _, images = case()
    scores = torch.tensor([0.2, 0.5, -3.0])[None, :, None, None]
    scores = scores.expand(2, 3, 9, 11)
    assert torch.allclose(
        pixel_adaptive_refine(scores, images), scores, atol=1e-5
    )


def test_sums_and_range_are_kept():
    scores, images = case(height=40, width=30)
    refined = pixel_adaptive_refine(scores, images)
    assert torch.allclose(refined.sum(1), torch.ones(2, 40, 30), atol=1e-4)
    assert refined.min() >= scores.min()
    assert refined.max() <= scores.max()
    assert not torch.allclose(refined, scores, atol=0.01)


def test_scores_that_leak_across_an_edge_get_sharper():
    images = torch.full((1, 3, 24, 32), 0.2)
    images[..., 16:] = 0.8
    right = torch.zeros(1, 1, 24, 32)
    right[..., 12:] = 0.9  # four columns too wide
    scores = torch.cat([1 - right, right], 1)
    refined = pixel_adaptive_refine(scores, images)
    target = (torch.arange(32) >= 16).long().expand(1, 24, 32)
    before = (scores.argmax(1) != target).sum()
    after = (refined.argmax(1) != target).sum()
    assert before == 4 * 24
    assert after == 0
    step = refined[:, 1, :, 16] - refined[:, 1, :, 15]
    assert (step > 0.3).all()  # the jump is at the edge now; it was 0


def test_a_constant_image_gives_the_plain_mean(monkeypatch):
    scores, _ = case(n=1, height=7, width=7)
    images = torch.full((1, 3, 7, 7), 0.3)
    at(monkeypatch, 1, 2)
    weights = neighbour_weights(images, 0.1)
    assert torch.allclose(weights, torch.full_like(weights, 1 / 16))
    at(monkeypatch, 1)
    refined = pixel_adaptive_refine(scores, images, iterations=1)
    window = scores[0, :, 2:5, 2:5]
    mean = (window.sum((1, 2)) - scores[0, :, 3, 3]) / 8
    assert torch.allclose(refined[0, :, 3, 3], mean, atol=1e-6)
    monkeypatch.undo()
    assert pixel_adaptive_refine(scores, images).isfinite().all()


def test_a_batch_is_its_images():
    scores, images = case(n=3)
    together = pixel_adaptive_refine(scores, images)
    for i in range(3):
        alone = pixel_adaptive_refine(scores[i : i + 1], images[i : i + 1])
        assert torch.allclose(together[i], alone[0], atol=1e-6)


def test_turning_the_image_turns_the_result():
    scores, images = case()
    refined = pixel_adaptive_refine(scores, images)
    for axes in ([3], [2], [2, 3]):
        turned = pixel_adaptive_refine(scores.flip(axes), images.flip(axes))
        assert torch.allclose(turned, refined.flip(axes), atol=1e-5)


def test_the_unit_of_the_colours_does_not_matter():
    scores, images = case()
    assert torch.allclose(
        pixel_adaptive_refine(scores, images * 255),
        pixel_adaptive_refine(scores, images),
        atol=1e-4,
    )


def test_images_of_another_size_are_resized():
    scores, _ = case(height=8, width=10)
    images = torch.rand(2, 3, 16, 20)
    half = images.unflatten(3, (10, 2)).unflatten(2, (8, 2)).mean((3, 5))
    assert torch.allclose(
        pixel_adaptive_refine(scores, images),
        pixel_adaptive_refine(scores, half),
        atol=1e-4,
    )


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (3, 2)])
def test_tiny_images(size):
    scores, images = case(height=size[0], width=size[1])
    refined = pixel_adaptive_refine(scores, images)
    assert refined.shape == scores.shape
    assert refined.isfinite().all()
    if size == (1, 1):
        assert torch.allclose(refined, scores, atol=1e-5)


def test_no_iteration_no_pixel_no_image():
    scores, images = case()
    same = pixel_adaptive_refine(scores, images, iterations=0)
    assert torch.equal(same, scores)
    assert same.data_ptr() != scores.data_ptr()
    for empty in (scores[:0], scores[:, :0], scores[:, :, :0]):
        refined = pixel_adaptive_refine(empty, images[: len(empty)])
        assert refined.shape == empty.shape


def test_inputs_are_left_alone_and_no_gradient_flows():
    scores, images = case()
    copies = scores.clone(), images.clone()
    scores.requires_grad_()
    refined = pixel_adaptive_refine(scores, images)
    assert not refined.requires_grad
    assert torch.equal(scores, copies[0])
    assert torch.equal(images, copies[1])


def test_half_precision_and_autocast():
    scores, images = case()
    expected = pixel_adaptive_refine(scores.half().float(), images)
    refined = pixel_adaptive_refine(scores.half(), images)
    assert refined.dtype == torch.float32
    assert torch.equal(refined, expected)
    with torch.autocast('cpu', torch.bfloat16):
        refined = pixel_adaptive_refine(scores.half(), images)
    assert refined.dtype == torch.float32
    assert torch.equal(refined, expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_the_gpu_agrees():
    scores, images = case(height=50, width=60)
    refined = pixel_adaptive_refine(scores.cuda(), images.cuda())
    assert refined.is_cuda
    expected = pixel_adaptive_refine(scores, images)
    assert torch.allclose(refined.cpu(), expected, atol=1e-5)


def test_wrong_input_is_refused():
    scores, images = case()
    for wrong in (scores[0], scores.long()):
        with pytest.raises(ValueError, match='scores must be a float batch'):
            pixel_adaptive_refine(wrong, images)
    for wrong in (images[0], images.byte()):
        with pytest.raises(ValueError, match='images must be a float batch'):
            pixel_adaptive_refine(scores, wrong)
    for wrong in (images[:1], images[:, :1]):
        with pytest.raises(ValueError, match=r'images must be \(2, 3, h, w'):
            pixel_adaptive_refine(scores, wrong)
    with pytest.raises(ValueError, match='images are empty'):
        pixel_adaptive_refine(scores, images[..., :0])
    with pytest.raises(ValueError, match='iterations must be at least 0'):
        pixel_adaptive_refine(scores, images, iterations=-1)
    with pytest.raises(ValueError, match='temperature must be above 0'):
        pixel_adaptive_refine(scores, images, temperature=0)


PAR_WEIGHTS = {k: v for k, v in PAR.items() if k != 'iterations'}


def test_par_by_hand(monkeypatch):
    """Centre .5; neighbours four .5 and four .9: deviation .2138."""
    image = torch.full((1, 3, 3, 3), 0.5)
    image[:, :, 0, :] = image[:, :, 1, 0] = 0.9
    at(monkeypatch, 1)
    weights = neighbour_weights(image, **PAR_WEIGHTS)[0, :, 1, 1]
    assert torch.tensor([0.9] * 4 + [0.5] * 4).std() == pytest.approx(
        0.2138, abs=1e-4
    )
    shares = position_shares(0.3, 2)
    colour = 1.01 * weights - 0.01 * shares
    torch.testing.assert_close(colour[4:], torch.full((4,), 0.25))
    assert colour[:4].abs().max() < 1e-6
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0))
    without = dict(PAR_WEIGHTS, position_weight=0.0)
    exact = neighbour_weights(image.double(), **without)[0, :, 1, 1]
    assert exact[:4].max() < 1e-15


def test_shares_of_the_rings():
    shares = position_shares(0.3, 2).view(6, 8)
    expected = torch.tensor([0.5789, 0.3560, 0.0649, 0.0002, 0, 0])
    torch.testing.assert_close(shares.sum(1), expected, atol=1e-4, rtol=0)
    distances = torch.tensor(
        [
            d * (1 + (k % 2)) ** 0.5
            for d in (1, 2, 4, 8, 12, 24)
            for k in range(8)
        ]
    )
    assert distances.std() == pytest.approx(9.9003, abs=1e-4)


def test_par_on_a_constant_image(monkeypatch):
    at(monkeypatch, 1, 2)
    image = torch.full((1, 3, 5, 6), 0.3)
    without = dict(PAR_WEIGHTS, position_weight=0.0)
    weights = neighbour_weights(image, **without)
    torch.testing.assert_close(weights, torch.full_like(weights, 1 / 16))


def test_par_stays_in_the_range_and_wrong_options():
    scores, images = case()
    found = pixel_adaptive_refine(scores, images, **PAR)
    torch.testing.assert_close(found.sum(1), torch.ones(2, 9, 11))
    assert found.min() >= scores.min() and found.max() <= scores.max()
    plain = pixel_adaptive_refine(scores, images, iterations=20)
    assert (found - plain).abs().max() > 1e-3
    for wrong in (dict(power=3), dict(position_weight=-1)):
        with pytest.raises(ValueError, match='power must be 1 or 2'):
            pixel_adaptive_refine(scores, images, **wrong)


@pytest.mark.parametrize('dtype', [torch.float16, torch.float64])
def test_scores_of_any_precision_become_float32(dtype):
    torch.manual_seed(0)
    scores, images = torch.rand(1, 2, 6, 5).to(dtype), torch.rand(1, 3, 6, 5)
    refined = pixel_adaptive_refine(scores, images)
    assert refined.dtype == torch.float32
    single = pixel_adaptive_refine(scores.float(), images)
    assert torch.equal(refined, single)
