"""SEAM's losses: numbers, a naive loop, routes of gradients, invariances."""

import sys

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss import SEAMLoss, batch_context, set_image_labels
from mmseg_wsss.models.losses.base import LossInputs
from mmseg_wsss.models.losses.seam_loss import (
    cross_equivariance,
    equivariance,
    low_scores,
)
from mmseg_wsss.pseudo_labels import normalise_cam, winning_scores
from tests import tiny

LABELS = torch.tensor([[1.0, 1, 0, 1], [1, 0, 1, 0]])  # the background first
SIZES = (16, 20), (8, 10)


def resize(maps, size):
    return F.interpolate(
        maps, tuple(size), mode='bilinear', align_corners=True
    )


def views(dtype=torch.float32, seed=0):
    """Raw and refined CAMs of both views, of 3 classes."""
    rng = torch.Generator().manual_seed(seed)
    shapes = (2, 3, 4, 5), (2, 3, 2, 3)
    raw = [torch.randn(s, generator=rng, dtype=dtype) for s in shapes]
    refined = [
        torch.rand(n, k + 1, h, w, generator=rng, dtype=dtype)
        for n, k, h, w in shapes
    ]
    return raw, refined


def compute(raw, refined, sizes=SIZES, labels=LABELS, background=0, **options):
    inputs = LossInputs(
        'SEAMLoss', raw[0], None, None, labels, background, 'batch'
    )
    loss = SEAMLoss(**options)
    return loss.compute(inputs, refined, raw[1], sizes, resize)


def only(**weights):
    off = dict(er_weight=0.0, ecr_weight=0.0, min_weight=0.0)
    return {**off, **weights}


# -------------------------------------------------------------------- by hand
def test_min_max_normalisation():
    cam = torch.tensor([-1.0, 0.5, 2.0]).view(1, 1, 1, 3)
    found = normalise_cam(cam, 'min_max').flatten()
    expected = torch.tensor([0.0, 0.24999, 0.99999])
    assert torch.allclose(found, expected, atol=1e-5)


def test_cross_equivariance_by_hand():
    target, refined = torch.zeros(2, 1, 21, 2, 5)
    target[:, 3] = 0.7
    refined[:, 0], refined[:, 3] = 0.6, 0.4
    value = cross_equivariance(target, refined)  # 42 of 210 entries
    assert value.item() == pytest.approx(0.2142857, abs=1e-6)
    total = (target - refined).abs().sum() / (4.2 * 10)
    assert value.item() == pytest.approx(total.item())


def test_few_classes_need_no_order():
    """With C = 21 and three classes at most no entry is left out."""
    torch.manual_seed(0)
    present = torch.zeros(2, 21, 1, 1)
    present[0, [0, 2, 5, 20]] = present[1, [0, 7]] = 1
    target, refined = torch.rand(2, 2, 21, 4, 5) * present
    expected = (target - refined).abs().sum((1, 2, 3)) / (4.2 * 20)
    value = cross_equivariance(target, refined)
    assert torch.allclose(value, expected.mean())


def test_low_scores_by_hand():
    scores = torch.tensor([0.4, 1, 2, 3, 0.1, 0, 0.5, 0.6]).view(1, 1, 2, 4)
    assert low_scores(scores).item() == pytest.approx(0.05)
    both = torch.cat([scores, scores.flip(3)], 1)
    expected = torch.maximum(scores, scores.flip(3)).flatten().sort().values
    assert low_scores(both).item() == pytest.approx(expected[:2].mean().item())
    assert low_scores(-scores) == 0


# ----------------------------------------------------------------- the whole
def test_against_a_loop():
    raw, refined = views()

    def mn(plane):
        low, high = plane.clamp(min=0).min(), plane.clamp(min=0).max()
        return ((plane.clamp(min=0) - low) - 1e-5).clamp(min=0) / (
            high - low + 1e-5
        )

    def scaled(maps, n, size):
        maps = resize(maps, size)[n]
        return resize(torch.stack([mn(p) for p in maps])[None], SIZES[1])[0]

    expected = {'er': 0.0, 'ecr': 0.0, 'min': 0.0, 'gap': 0.0}
    for n in range(2):
        y = LABELS[n]
        cams = [scaled(raw[v], n, SIZES[v]) for v in (0, 1)]
        fines = [scaled(refined[v], n, SIZES[v]) for v in (0, 1)]
        cams = [cam * y[1:, None, None] for cam in cams]
        fines = [fine * y[:, None, None] for fine in fines]
        expected['er'] += (cams[0] - cams[1]).abs().mean() / 2
        for cam, fine in ((cams[1], fines[0]), (cams[0], fines[1])):
            gaps = []
            for i in range(SIZES[1][0]):
                for j in range(SIZES[1][1]):
                    column = cam[:, i, j]
                    best = column.max()
                    kept = [v if v == best else 0.0 for v in column]
                    for k, value in enumerate([1 - best, *kept]):
                        gaps.append(abs(float(value - fine[k, i, j])))
            gaps.sort(reverse=True)
            count = int(4 * SIZES[1][0] * SIZES[1][1] * 0.2)
            expected['ecr'] += sum(gaps[:count]) / count / 2
        for v in (0, 1):
            fine = resize(refined[v], SIZES[v])[n, 1:] * y[1:, None, None]
            values = fine.amax(0).flatten().sort().values
            count = len(values) // 4
            expected['min'] += values[:count].mean() / 2 / 2
        pooled = raw[1][n].mean((1, 2))
        expected['gap'] += (
            F.binary_cross_entropy_with_logits(pooled, y[1:]) / 2 / 2
        )
    gap = compute(raw, refined, **only())
    assert gap.item() == pytest.approx(float(expected['gap']), rel=1e-5)
    for name in ('er', 'ecr', 'min'):
        value = compute(raw, refined, **only(**{f'{name}_weight': 1.0})) - gap
        assert value.item() == pytest.approx(
            float(expected[name]), rel=1e-4
        ), name
    total = compute(raw, refined)
    assert total.item() == pytest.approx(
        float(sum(expected.values())), rel=1e-5
    )


def test_gradients_in_float64():
    raw, refined = views(torch.float64)
    raw = [t.requires_grad_() for t in raw]
    torch.autograd.gradcheck(
        lambda *raw: compute(raw, refined, ecr_weight=0.0), raw
    )
    raw = [t.detach() for t in raw]  # also the targets of ECR
    refined = [t.requires_grad_() for t in refined]
    torch.autograd.gradcheck(lambda *fine: compute(raw, fine), refined)


def test_gradient_routes():
    raw, refined = views()
    tensors = [t.requires_grad_() for t in (*raw, *refined)]

    def grads(**weights):
        loss = compute(raw, refined, **only(**weights))
        return torch.autograd.grad(loss, tensors)

    gap = grads()
    for weights, on_raw, on_refined in (
        (dict(er_weight=1.0), True, False),
        (dict(ecr_weight=1.0), False, True),
        (dict(min_weight=1.0), False, True),
    ):
        changed = [
            not torch.equal(a, b)
            for a, b in zip(grads(**weights), gap, strict=True)
        ]
        assert changed == [on_raw, on_raw, on_refined, on_refined], weights


def test_identical_views_have_no_equivariance_loss():
    raw, refined = views()
    raw[0].requires_grad_()
    same = [raw[0], raw[0]], [refined[0], refined[0]]
    gap = compute(*same, sizes=SIZES[:1] * 2, **only())
    both = compute(*same, sizes=SIZES[:1] * 2, **only(er_weight=1.0))
    assert both == gap
    first = torch.rand(1, 3, 4, 5, requires_grad=True)
    equivariance(first, first.clone()).backward()
    assert not first.grad.any()


def test_scale_of_the_raw_cam_does_not_matter():
    """mn divides it out: ER and ECR see shapes, not heights."""
    raw, refined = views()
    weights = only(er_weight=1.0, ecr_weight=1.0)
    terms = [
        compute([a * factor for a in raw], refined, **weights)
        - compute([a * factor for a in raw], refined, **only())
        for factor in (1, 50)
    ]
    assert terms[0].item() == pytest.approx(terms[1].item(), rel=1e-3)


def test_flipped_views_have_the_same_loss():
    raw, refined = views()
    flipped = [x.flip(-1) for x in raw], [x.flip(-1) for x in refined]
    value = compute(*flipped).item()
    assert value == pytest.approx(compute(raw, refined).item(), rel=1e-5)


def test_absent_classes_count_in_the_means_only():
    raw, refined = views()
    weights = only(er_weight=1.0, ecr_weight=1.0, min_weight=1.0)
    before = compute(raw, refined, **weights) - compute(raw, refined, **only())
    for maps, first in ((raw, 0), (refined, 1)):
        for view in maps:  # class 2 of the first image, 1 and 3 of the other
            view[0, first + 1] = view[1, first] = view[1, first + 2] = 0.123
    after = compute(raw, refined, **weights) - compute(raw, refined, **only())
    assert after.item() == pytest.approx(before.item(), rel=1e-5)


def test_an_image_without_a_class_and_negative_cams_are_finite():
    raw, refined = views()
    labels = torch.zeros(2, 4)
    labels[:, 0] = 1
    raw = [-x.abs() for x in raw]
    tensors = [t.requires_grad_() for t in (*raw, *refined)]
    loss = compute(raw, refined, labels=labels)
    grads = torch.autograd.grad(loss, tensors)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(g).all() for g in grads)
    gap = compute(raw, refined, labels=labels, **only())
    for weights in (only(er_weight=1.0), only(min_weight=1.0)):
        assert compute(raw, refined, labels=labels, **weights) == gap


def test_without_a_background_class():
    raw, refined = views()
    ours = compute(raw, refined, labels=LABELS[:, 1:], background=None)
    assert torch.equal(ours, compute(raw, refined))


def test_targets_keep_their_values():
    raw, refined = views()
    before = [x.clone() for x in (*raw, *refined)]
    compute(raw, refined)
    for a, b in zip(before, (*raw, *refined), strict=True):
        assert torch.equal(a, b)
    target = winning_scores(torch.rand(1, 3, 2, 2)).requires_grad_()
    scores = torch.rand(1, 4, 2, 2, requires_grad=True)
    cross_equivariance(target, scores).backward()
    assert target.grad is None and scores.grad.any()


# ---------------------------------------------------------------- as a module
def segmentor(norm=None, loss=None, **head):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    head = tiny.seam_head(dropout_ratio=0.0, **head)
    head['loss_decode'][1].update(loss or {})
    model = MODELS.build(
        dict(
            type='mmseg_wsss.WSSSEncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor',
                mean=[120.0, 110.0, 100.0],
                std=[60.0, 50.0, 70.0],
                bgr_to_rgb=True,
                size=(32, 32),
            ),
            backbone=dict(type='TinyBackbone'),
            decode_head=head,
            test_cfg=dict(mode='whole'),
        )
    )
    model.init_weights()
    if norm is not None:
        model.backbone.conv = nn.Sequential(model.backbone.conv, norm)
    return model.train()


def batch(model):
    torch.manual_seed(1)
    samples = [SegDataSample() for _ in LABELS]
    for sample, labels in zip(samples, LABELS, strict=True):
        set_image_labels(sample, labels)
    images = [
        torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8) for _ in samples
    ]
    data = dict(inputs=images, data_samples=samples)
    return model.data_preprocessor(data, True)


def test_the_module_runs_the_small_view():
    model = segmentor()
    data = batch(model)
    loss = model(**data, mode='loss')['decode.loss_seam']
    head = model.decode_head
    inputs = data['inputs']
    small = resize(inputs, (16, 16))
    with torch.no_grad():
        both = [model(x, mode='tensor') for x in (inputs, small)]
    raw, refined = zip(*both, strict=True)
    expected = compute(raw, refined, sizes=((32, 32), (16, 16)))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    assert head.align_corners


def test_gradients_of_a_network():
    """ECR and the low scores never reach backbone and classifier."""

    def grads(er, ecr, low):
        model = segmentor(
            loss=dict(er_weight=er, ecr_weight=ecr, min_weight=low)
        )
        losses = model(**batch(model), mode='loss')
        (losses['decode.loss_seam'] + losses['decode.loss_gap']).backward()
        head = model.decode_head
        outer = [*model.backbone.parameters(), head.conv_seg.weight]
        inner = list(head.correlation.parameters())
        return [[p.grad for p in part] for part in (outer, inner)]

    outer, inner = grads(1, 0, 0)
    assert all(g.abs().sum() > 0 for g in outer)
    assert not any(g.any() for g in inner)
    base = grads(0, 0, 0)[0]
    for weights in ((0, 1, 0), (0, 0, 1)):
        outer, inner = grads(*weights)
        assert all(g.abs().sum() > 0 for g in inner)
        for a, b in zip(outer, base, strict=True):
            assert torch.allclose(a, b, atol=1e-7)


@pytest.mark.parametrize('weights', [(1, 0), (0, 1), (1, 1)])
def test_refined_maps_have_no_gradient_to_the_network(monkeypatch, weights):
    """ECR and the low scores by themselves: exactly none."""
    module = sys.modules[SEAMLoss.__module__]
    monkeypatch.setattr(module, 'pooling_loss', lambda *a, **k: 0)
    ecr, low = weights
    model = segmentor(loss=dict(er_weight=0, ecr_weight=ecr, min_weight=low))
    loss = model(**batch(model), mode='loss')['decode.loss_seam']
    head = model.decode_head
    outer = [*model.backbone.parameters(), head.conv_seg.weight]
    inner = list(head.correlation.parameters())
    found = torch.autograd.grad(loss, [*outer, *inner], allow_unused=True)
    assert not any(g is not None and g.any() for g in found[: len(outer)])
    assert all(g.any() for g in found[len(outer) :])


def test_running_statistics_are_those_of_the_images():
    def statistics(loss):
        norm = nn.BatchNorm2d(8)
        model = segmentor(norm)
        if not loss:
            del model.decode_head.loss_decode[1]
        model(**batch(model), mode='loss')
        return norm.state_dict()

    for a, b in zip(
        statistics(True).values(), statistics(False).values(), strict=True
    ):
        assert torch.equal(a, b)


def test_autocast():
    model = segmentor()
    data = batch(model)
    exact = model(**data, mode='loss')['decode.loss_seam']
    with torch.autocast('cpu', torch.bfloat16):
        loss = model(**data, mode='loss')['decode.loss_seam']
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.1)
    loss.backward()
    assert model.backbone.conv.weight.grad.abs().sum() > 0


def test_hfpl_losses_get_the_raw_cam():
    losses = [
        dict(type='mmseg_wsss.BinomialISL', loss_weight=0.5),
        dict(type='mmseg_wsss.FSL'),
        dict(type='mmseg_wsss.SEAMLoss'),
    ]
    model = segmentor()
    head = tiny.seam_head(loss_decode=losses)
    model.decode_head = MODELS.build(head)
    found = model(**batch(model), mode='loss')
    assert {f'decode.loss_{k}' for k in ('isl', 'fsl', 'seam')} <= set(found)
    assert all(torch.isfinite(v).all() for v in found.values())


def test_errors():
    for scale in (0, 1.5):
        with pytest.raises(ValueError, match='scale must be in'):
            SEAMLoss(scale=scale)
    with pytest.raises(ValueError, match='must be >= 0'):
        SEAMLoss(ecr_weight=-1.0)
    with pytest.raises(ValueError, match='loss_decode of a SEAMHead'):
        SEAMLoss()(torch.zeros(1, 3, 2, 2), image_labels=LABELS[:1])
    with pytest.raises(RuntimeError, match='needs the segmentor'):
        SEAMLoss()(torch.zeros(1, 3, 2, 2), refined=torch.zeros(1, 4, 2, 2))
    model = segmentor()
    with (
        batch_context(None, lambda: torch.rand(1, 3, 8, 8), model),
        pytest.raises(ValueError, match='is in no decode head'),
    ):
        SEAMLoss()(torch.zeros(1, 3, 2, 2), refined=torch.zeros(1, 4, 2, 2))


def test_csd_compares_the_raw_cams():
    from tests.test_models.test_losses.test_csd_views import run, sample

    head = tiny.seam_head(
        loss_decode=dict(type='mmseg_wsss.CSDLoss'), dropout_ratio=0.0
    )
    model = segmentor()
    model.decode_head = MODELS.build(head)
    one = sample()
    pair = run(model, one)['foreground']
    pictures = [one.paste_views.source, one.paste_views.get('foreground')]
    alone = model.data_preprocessor(
        dict(inputs=pictures, data_samples=[SegDataSample()] * 2), True
    )
    cam = model(alone['inputs'], mode='tensor').cam
    assert torch.allclose(pair.teacher, cam[:1], atol=1e-6)
    assert torch.allclose(pair.student, cam[1:], atol=1e-6)
    pair.student.sum().backward()
    assert model.decode_head.conv_seg.weight.grad.abs().sum() > 0
