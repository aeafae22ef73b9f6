"""Spatial-BCE: numbers, a naive loop, gradients, empty sets, precision."""

import math

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_wsss import CAMHead, SpatialBCE, batch_context, set_image_labels
from mmseg_wsss.models.losses.spatial_bce import (
    polar_loss,
    share_divergence,
    share_thresholds,
    threshold_loss,
)
from mmseg_wsss.pseudo_labels.label_shares import label_shares

LABELS = torch.tensor([[1.0, 1, 0, 1], [1, 0, 1, 0]])  # the background first


def maps(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype).view(1, 1, 1, -1)


def masks():
    first = torch.tensor([[1, 1, 3], [0, 255, 3], [1, 0, 0]])
    second = torch.tensor([[2, 0, 0], [2, 2, 255], [2, 255, 0]])
    return torch.stack([first, second])


def run(logits, labels=LABELS, seg=None, **inputs):
    samples = []
    seg = masks() if seg is None else seg
    for label, mask in zip(labels, seg, strict=True):
        sample = SegDataSample()
        set_image_labels(sample, label)
        sample.gt_sem_seg = PixelData(data=mask[None])
        samples.append(sample)
    loss = SpatialBCE()
    with batch_context(samples):
        return loss(logits, **inputs)


def logits(dtype=torch.float32):
    rng = torch.Generator().manual_seed(0)
    return 2 * torch.randn(2, 3, 4, 5, generator=rng, dtype=dtype)


# -------------------------------------------------------------------- by hand
def test_each_pixel_is_pushed_away_from_the_threshold():
    scores = maps(0.0, 0.2, 0.4, 0.7, 1.0).requires_grad_()
    loss = polar_loss(scores, torch.tensor([[0.4]], dtype=torch.float64))
    expected = maps(0.0, 0.75, 1.0, 0.75, 0.0)
    assert torch.allclose(loss, expected, atol=1e-12)
    (slope,) = torch.autograd.grad(loss.sum(), scores)
    slope = slope.flatten()
    assert (slope[:2] > 0).all() and (slope[3:] < 0).all()


def test_threshold_of_a_share():
    scores = maps(0.4, 0.9, 0.1, 0.7)
    for share, expected in (
        (0.0, 0.9),
        (0.24, 0.9),
        (0.5, 0.4),
        (1.0, 0.1),
    ):
        found = share_thresholds(scores, torch.tensor([[share]]))
        assert found.item() == expected
    assert share_thresholds(0 * scores, torch.ones(1, 1)).item() == 1e-4


def test_divergence_of_shares():
    scores = torch.full((1, 1, 2, 2), 0.3, dtype=torch.float64)
    scores.requires_grad_()
    half = torch.tensor([[0.5]], dtype=torch.float64)
    found = share_divergence(scores, half).item()
    assert found == pytest.approx(0.0822829, abs=1e-6)
    same = share_divergence(scores, torch.full_like(half, 0.3))
    (slope,) = torch.autograd.grad(same.sum(), scores)
    assert same.item() == pytest.approx(0, abs=1e-7)
    assert slope.abs().max() < 1e-7
    for share in (0.0, 1.0):
        for fill in (0.0, 0.3, 1.0):
            scores = torch.full((1, 1, 2, 2), fill, requires_grad=True)
            loss = share_divergence(scores, torch.tensor([[share]]))
            loss.sum().backward()
            assert torch.isfinite(loss).all()
            assert torch.isfinite(scores.grad).all()


def test_an_empty_map_is_pushed_to_its_share():
    scores = torch.zeros(1, 1, 2, 2, requires_grad=True)
    share_divergence(scores, torch.tensor([[0.5]])).sum().backward()
    assert (scores.grad < 0).all()


def test_threshold_loss_trains_the_threshold_alone():
    scores = maps(0.0, 0.2, 0.7, 1.0).requires_grad_()
    threshold = torch.tensor([[0.4]], dtype=torch.float64, requires_grad=True)
    loss = threshold_loss(scores, threshold)
    assert loss.item() == pytest.approx(0.75)  # 0.375 on each side
    loss.sum().backward()
    assert scores.grad is None
    # d/dt of (1 - (1 - s/t)^2) / 2 at s = 0.2 and of the side above at 0.7.
    below = -2 * (1 - 0.5) * (0.2 / 0.4**2) / 2
    above = 2 * 0.5 * (1 - 0.7) / 0.6**2 / 2
    assert threshold.grad.item() == pytest.approx(below + above)


def test_shares_of_label_maps():
    found = label_shares(masks(), 4)
    expected = torch.tensor([[3, 3, 0, 2], [3, 0, 4, 0]]) / torch.tensor(
        [[8.0], [7.0]]
    )
    assert torch.allclose(found, expected)
    assert label_shares(torch.full((1, 2, 2), 255), 3).isnan().all()
    with pytest.raises(ValueError, match='value 254'):
        label_shares(torch.tensor([[[0, 254]]]), 3)


# ------------------------------------------------------------------- the loss
@pytest.mark.parametrize('thresholds', [False, True])
def test_equals_a_loop(thresholds):
    cam = logits(torch.float64)
    bias = torch.linspace(-1, 1, 6).view(2, 3).double()
    options = dict(threshold_logits=bias) if thresholds else {}
    found = run(cam, **options)
    scores, shares = cam.sigmoid(), [[3 / 8, 0, 2 / 8], [0, 4 / 7, 0]]
    total = 0.0
    for n in range(2):
        terms, count = 0.0, 0
        for k in range(3):
            values = scores[n, k].flatten().tolist()
            if not LABELS[n, k + 1]:
                total -= sum(math.log(1 - s) for s in values) / 120
                continue
            q, m = shares[n][k], sum(values) / 20
            t = sorted(values, reverse=True)[int(q * 20)]

            def polar(s, t):
                if s <= t:
                    return 1 - (1 - s / t) ** 2
                return 1 - ((s - t) / (1 - t)) ** 2

            total += sum(polar(s, t) for s in values) / 120
            terms += m * math.log(m / q)
            terms += (1 - m) * math.log((1 - m) / (1 - q))
            count += 1
            if thresholds:
                t = bias[n, k].sigmoid().item()
                for side in (
                    [polar(s, t) for s in values if s <= t],
                    [polar(s, t) for s in values if s > t],
                ):
                    terms += sum(side) / max(len(side), 1)
        total += terms / count / 2
    assert found.item() == pytest.approx(total, rel=1e-6)


def test_gradients():
    cam = logits(torch.float64)[:, :, :2, :3]
    torch.manual_seed(0)
    scores = (cam.sigmoid() * 0.98 + 0.01).requires_grad_()
    t = torch.full((2, 3), 0.43, dtype=torch.float64, requires_grad=True)
    q = torch.full((2, 3), 0.3, dtype=torch.float64)
    gradcheck = torch.autograd.gradcheck
    assert gradcheck(polar_loss, (scores, t))
    assert gradcheck(lambda s: share_divergence(s, q), (scores,))
    assert gradcheck(lambda b: threshold_loss(scores.detach(), b), (t,))


def test_other_images_and_ranks_do_not_matter():
    """The mean over one image each equals the batch's, as on two ranks."""
    cam, seg = logits(), masks()
    alone = [
        run(cam[n : n + 1], LABELS[n : n + 1], seg[n : n + 1]).item()
        for n in range(2)
    ]
    assert run(cam).item() == pytest.approx(sum(alone) / 2, rel=1e-6)


def test_unlabelled_images_learn_from_absent_classes():
    cam = logits().requires_grad_()
    run(cam, seg=torch.full((2, 3, 3), 255)).backward()
    present = LABELS[:, 1:] > 0
    assert (cam.grad[present] == 0).all()
    assert (cam.grad[~present] > 0).all()


def test_no_present_class_and_all_of_them():
    for labels in (LABELS * 0, LABELS * 0 + 1):
        cam = logits().requires_grad_()
        bias = torch.zeros(2, 3, requires_grad=True)
        loss = run(cam, labels, threshold_logits=bias)
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(cam.grad).all()
        assert bias.grad.any() == bool(labels.any())


def test_a_class_the_labels_miss_is_not_asked_to_vanish():
    seg = torch.zeros(2, 3, 3, dtype=torch.long)
    cam = torch.full((2, 3, 4, 5), -8.0, requires_grad=True)
    run(cam, seg=seg).backward()
    assert torch.isfinite(cam.grad).all()
    assert (cam.grad[0, 0] < 0).any()


def test_ignored_pixels_do_not_count():
    seg = masks()
    without = seg.clone()
    without[seg == 255] = 254
    loss = run(logits(), seg=without, ignore_index=254)
    assert loss == run(logits())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    cam = (20 * logits()).to(dtype).requires_grad_()
    bias = torch.zeros(2, 3)
    loss = run(cam, threshold_logits=bias.to(dtype))
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss) and torch.isfinite(cam.grad).all()
    assert loss == run(
        cam.detach().float(), threshold_logits=torch.zeros(2, 3)
    )


def test_maps_become_polar_and_cover_their_share():
    torch.manual_seed(0)
    start = torch.randn(1, 1, 10, 10)
    cam, bias = start.clone().requires_grad_(), torch.zeros(1, 1)
    bias.requires_grad_()
    optimizer = torch.optim.Adam([cam, bias], lr=0.1)
    seg = torch.zeros(1, 10, 10, dtype=torch.long)
    seg[:, :3] = 1  # 30 of 100 pixels
    for _ in range(300):
        optimizer.zero_grad()
        loss = run(cam, torch.ones(1, 2), seg, threshold_logits=bias)
        loss.backward()
        optimizer.step()
    scores = cam.detach().sigmoid().flatten()
    assert ((scores < 0.1) | (scores > 0.9)).float().mean() > 0.95
    assert 25 <= (scores > bias.sigmoid()[0]).sum() <= 35
    best = start.flatten().topk(20).indices
    assert (scores[best] > 0.9).all()


def test_in_a_plain_cam_head():
    init_default_scope('mmseg')
    loss_decode = dict(type='mmseg_wsss.SpatialBCE')
    head = CAMHead(8, num_classes=4, in_index=0, loss_decode=loss_decode)
    samples = []
    for label, mask in zip(LABELS, masks(), strict=True):
        sample = SegDataSample()
        set_image_labels(sample, label)
        sample.gt_sem_seg = PixelData(data=mask[None])
        samples.append(sample)
    cam = logits()
    with batch_context(samples):
        losses = head.loss_by_feat(cam, samples)
    assert losses['loss_spatial_bce'] == run(cam)


# ------------------------------------------------------------------ bad input
def test_bad_input():
    scores = logits().sigmoid()
    with pytest.raises(ValueError, match=r'thresholds must be \(N, K\)'):
        polar_loss(scores, torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r'shares must be in \[0, 1\]'):
        share_thresholds(scores, torch.full((2, 3), 1.5))
    with pytest.raises(RuntimeError, match='current batch has 0'):
        SpatialBCE()(logits(), image_labels=LABELS)
    sample = SegDataSample()
    set_image_labels(sample, LABELS[0])
    with (
        batch_context([sample]),
        pytest.raises(ValueError, match='reads shares from pseudo labels'),
    ):
        SpatialBCE()(logits()[:1])


def test_a_share_of_whole_pixels_is_that_many():
    scores = torch.linspace(1, 0.01, 100).view(1, 1, 10, 10)
    for pixels in range(1, 100):
        shares = torch.tensor([[pixels / 100]])
        found = share_thresholds(scores, shares).item()
        assert found == scores.flatten()[pixels].item(), pixels
