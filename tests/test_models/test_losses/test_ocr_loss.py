import importlib
import math

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from mmseg_wsss.models.losses.ocr_loss import (
    OCRLoss,
    ocr_loss,
    prior_correlation,
)
from mmseg_wsss.structures import batch_context, set_image_labels

MODULE = importlib.import_module('mmseg_wsss.models.losses.ocr_loss')


@pytest.fixture(params=['selected', 'masked'], autouse=True)
def formulation(request, monkeypatch):
    """Every test of the file, as a CPU and as a GPU computes it."""
    if request.param == 'masked':
        monkeypatch.setattr(MODULE, 'is_compiling', lambda: True)


def loop(
    logits,
    labels,
    prior,
    margin,
    t,
    group,
    pixels,
    background=0,
    filtered='dropped',
):
    """Eqs. 5, 8 to 10 and 19, one pixel at a time, with plain exponentials."""
    n, c, h, w = logits.shape
    out = torch.zeros(n, h, w, dtype=logits.dtype)
    for i in range(n):
        inside = {k for k in range(c) if labels[i, k] > 0}
        if background is not None:
            inside.add(background)
        outside = set(range(c)) - inside
        if not outside or not inside:
            continue
        for y in range(h):
            for x in range(w):
                z = logits[i, :, y, x]
                p = z.softmax(0)
                is_oc = int(z.argmax()) in outside
                if {'oc': not is_oc, 'ic': is_oc, 'all': False}[pixels]:
                    continue
                anchor = max(inside, key=lambda k: float(z[k].detach()))
                if group == 'all':
                    ic = inside
                elif group == 'anchor':
                    ic = {anchor}
                else:
                    ic = {
                        k
                        for k in inside
                        if p[anchor] - p[k] * prior[anchor, k] < t
                    } | {anchor}
                sum_ic = sum(torch.exp(-z[k]) for k in ic)
                if filtered == 'zeroed':
                    sum_ic = sum_ic + len(inside - ic)
                sum_oc = sum(torch.exp(z[k] + margin) for k in outside)
                out[i, y, x] = torch.log(1 + sum_ic * sum_oc)
    return out


def example(n=2, c=6, h=3, w=4, seed=0, scale=2.0):
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, c, h, w, generator=rng, dtype=torch.float64)
    labels = (torch.rand(n, c, generator=rng) < 0.4).double()
    labels[:, 0] = 1
    labels[0, 1], labels[0, 2] = 1, 0
    counts = torch.rand(c, c, generator=rng, dtype=torch.float64)
    prior = (counts + counts.T) / 2
    return logits * scale, labels, prior


def test_one_pixel_by_hand():
    # One candidate with logit a, one absent class with logit b > a.
    a, b = 0.5, 1.25
    logits = torch.tensor([a, b]).view(1, 2, 1, 1)
    loss = ocr_loss(logits, torch.tensor([[1.0, 0.0]]))
    expected = math.log1p(math.exp(b - a + 2))
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_filtered_class_leaves_the_sum():
    # P = softmax: the anchor (bg) is far above class 1, which Eq. 9 filters.
    logits = torch.tensor([2.0, -3.0, 2.5]).view(1, 3, 1, 1)
    loss = ocr_loss(
        logits, torch.tensor([[1.0, 1.0, 0.0]]), prior=torch.ones(3, 3)
    )
    assert loss.item() == pytest.approx(math.log1p(math.exp(2.5)), rel=1e-6)


def test_zeroed_class_stays_as_one_in_the_sum():
    # Alg. 2: log(1 + (e^-2 + e^0) e^(2.5 + 2)), and no push on class 1.
    logits = torch.tensor([2.0, -3.0, 2.5]).view(1, 3, 1, 1).requires_grad_()
    loss = ocr_loss(
        logits,
        torch.tensor([[1.0, 1.0, 0.0]]),
        prior=torch.ones(3, 3),
        filtered='zeroed',
    )
    loss.backward()
    expected = math.log1p((math.exp(-2) + 1) * math.exp(4.5))
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert logits.grad[0, 1] == 0 and logits.grad[0, 0] < 0
    # The added 1 makes it milder on the anchor: 1 / (1 + e^2) of -1.
    share = math.exp(-2) / (math.exp(-2) + 1)
    pull = share * (1 - math.exp(-expected))
    assert logits.grad[0, 0].item() == pytest.approx(-pull, rel=1e-5)


def test_anchor_survives_where_eq9_drops_it():
    logits = torch.tensor([1.0, 0.0, 1.1]).view(1, 3, 1, 1)
    labels = torch.tensor([[1.0, 1.0, 0.0]])
    dropped = ocr_loss(logits, labels, prior=torch.zeros(3, 3))
    anchor = ocr_loss(logits, labels, group='anchor')
    assert torch.equal(dropped, anchor)


@pytest.mark.parametrize('group', ['adaptive', 'all', 'anchor'])
@pytest.mark.parametrize('pixels', ['oc', 'ic', 'all'])
@pytest.mark.parametrize('background', [0, None])
@pytest.mark.parametrize('filtered', ['dropped', 'zeroed'])
def test_equals_the_naive_loop(group, pixels, background, filtered):
    logits, labels, prior = example(seed=3)
    if background is None:
        labels[1, 0] = 0
    args = 2.0, 0.2, group, pixels, background, filtered
    expected = loop(logits, labels, prior, *args)
    loss = ocr_loss(logits, labels, None, prior, *args)
    assert expected.count_nonzero() > 0
    assert torch.allclose(loss, expected, rtol=1e-12, atol=1e-12)


DTYPES = {
    torch.float64: 1e-9,
    torch.float32: 1e-4,
    torch.float16: 2e-2,
    torch.bfloat16: 1e-1,
}


@pytest.mark.parametrize('pixels', ['oc', 'ic', 'all'])
@pytest.mark.parametrize('threshold', [0.0, 0.2, 1.0])
@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('scale', [1.0, 30.0])
def test_both_formulations_are_one(
    pixels, threshold, dtype, scale, monkeypatch
):
    logits, labels, prior = example(n=5, seed=7, scale=scale)
    labels[1] = 1
    labels[2, 1:] = 0
    valid = logits[:, 0] > -scale
    criterion = OCRLoss(threshold=threshold, pixels=pixels)
    criterion.prior = prior
    label = torch.where(valid, 0, 255)
    found = []
    for masked in (False, True):
        monkeypatch.setattr(MODULE, 'is_compiling', lambda m=masked: m)
        z = logits.to(dtype).requires_grad_()
        loss = criterion(
            z, label, image_labels=labels, reduction_override='none'
        )
        loss.sum().backward()
        assert z.grad.dtype == dtype
        found.append((loss.double(), z.grad.double()))
    assert found[0][1].abs().sum() > 0
    for ours, theirs in zip(*found, strict=True):
        error = (ours - theirs).abs().max() / theirs.abs().max()
        assert error < DTYPES[dtype]


@pytest.mark.parametrize('group', ['adaptive', 'all', 'anchor'])
@pytest.mark.parametrize('pixels', ['oc', 'ic', 'all'])
def test_gradcheck(group, pixels):
    logits, labels, prior = example(h=2, w=2)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: ocr_loss(z, labels, prior=prior, group=group, pixels=pixels),
        logits,
    )


def test_gradient_equals_the_loops():
    logits, labels, prior = example(seed=5)
    ours, theirs = logits.clone(), logits.clone()
    for z, fn in (
        (ours, lambda z: ocr_loss(z, labels, prior=prior)),
        (
            theirs,
            lambda z: loop(z, labels, prior, 2.0, 0.2, 'adaptive', 'oc'),
        ),
    ):
        z.requires_grad_()
        fn(z).sum().backward()
    assert ours.grad.abs().sum() > 0
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-12)


@pytest.mark.parametrize('group', ['adaptive', 'all', 'anchor'])
def test_adding_a_constant_changes_nothing(group):
    logits, labels, prior = example()
    shifted = ocr_loss(logits - 11, labels, prior=prior, group=group)
    loss = ocr_loss(logits, labels, prior=prior, group=group)
    assert torch.allclose(loss, shifted, atol=1e-12)


def test_negative_candidates_are_not_flagged():
    # The appendix's zeroing would call this in-candidate pixel OC.
    logits = torch.tensor([-1.0, -2.0, -3.0]).view(1, 3, 1, 1)
    assert ocr_loss(logits, torch.tensor([[1.0, 0.0, 0.0]])).item() == 0


def test_a_tie_counts_for_the_candidate():
    logits = torch.zeros(1, 3, 1, 1)
    assert ocr_loss(logits, torch.tensor([[1.0, 0.0, 0.0]])).item() == 0


@pytest.mark.parametrize('pixels', ['oc', 'ic', 'all'])
def test_all_classes_present_gives_zero(pixels):
    logits = torch.randn(2, 4, 3, 3, requires_grad=True)
    loss = OCRLoss(pixels=pixels)(
        logits,
        torch.zeros(2, 3, 3, dtype=torch.long),
        image_labels=torch.ones(2, 4),
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.count_nonzero() == 0


def test_empty_label_vector_pushes_everything_below_background():
    logits = torch.tensor([0.0, 3.0, 1.0]).view(1, 3, 1, 1).requires_grad_()
    ocr_loss(logits, torch.zeros(1, 3)).sum().backward()
    assert logits.grad[0, 0] < 0
    assert (logits.grad[0, 1:] > 0).all()
    no_candidate = ocr_loss(logits, torch.zeros(1, 3), background_index=None)
    assert no_candidate.item() == 0


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float])
@pytest.mark.parametrize('pixels', ['oc', 'all'])
def test_huge_logits_stay_finite(dtype, pixels):
    logits = torch.tensor([[-1e4, 1e4, 0.0], [1e4, -1e4, -1e4]])
    logits = logits.T.reshape(1, 3, 2, 1).to(dtype).requires_grad_()
    loss = OCRLoss(pixels=pixels)(
        logits,
        torch.zeros(1, 2, 1, dtype=torch.long),
        image_labels=torch.tensor([[1.0, 0.0, 0.0]]),
    )
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert logits.grad.dtype == dtype
    assert torch.isfinite(logits.grad).all()
    assert loss.item() == pytest.approx((2e4 + 2) / 2, rel=1e-2)


def test_autocast_computes_in_float32():
    logits, labels, _ = example()
    z = logits.bfloat16()
    label = torch.zeros(2, 3, 4, dtype=torch.long)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = OCRLoss()(z, label, image_labels=labels)
    outside = OCRLoss()(z, label, image_labels=labels)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, outside)


def test_mean_runs_over_the_valid_pixels_of_the_batch():
    logits, labels, _ = example()
    label = torch.zeros(2, 3, 4, dtype=torch.long)
    label[0, 0] = 255
    loss = OCRLoss(loss_weight=0.5)(logits, label, image_labels=labels)
    pixel_loss = ocr_loss(logits, labels)
    expected = 0.5 * pixel_loss[label == 0].sum() / 20
    assert torch.isclose(loss, expected)

    logits.requires_grad_()
    everything = torch.full_like(label, 255)
    empty = OCRLoss()(logits, everything, image_labels=labels)
    empty.backward()
    assert empty.item() == 0
    assert logits.grad.count_nonzero() == 0


def test_weight_and_reductions():
    logits, labels, _ = example()
    label = torch.zeros(2, 3, 4, dtype=torch.long)
    weight = torch.rand(2, 3, 4, dtype=torch.float64)
    criterion = OCRLoss()
    weighted = criterion(
        logits,
        label,
        weight=weight,
        reduction_override='none',
        image_labels=labels,
    )
    assert weighted.shape == label.shape
    mean = criterion(logits, label, weight=weight, image_labels=labels)
    assert torch.isclose(mean, weighted.sum() / 24)
    total = criterion(
        logits, label, reduction_override='sum', image_labels=labels
    )
    by_factor = criterion(logits, label, avg_factor=7.0, image_labels=labels)
    assert torch.isclose(by_factor, total / 7)


def test_points_and_many_classes():
    points = torch.randn(2, 1000, 5)
    labels = torch.zeros(2, 1000)
    labels[:, 7] = 1
    loss = OCRLoss()(
        points,
        torch.zeros(2, 5, dtype=torch.long),
        image_labels=labels,
        background_index=None,
    )
    assert loss > 0
    two = ocr_loss(torch.randn(1, 2, 4, 4), torch.tensor([[1.0, 0.0]]))
    assert two.shape == (1, 4, 4)


def test_inputs_are_not_changed():
    logits, labels, prior = example()
    before = logits.clone(), labels.clone(), prior.clone()
    labels[0, 0] = 0
    before[1][0, 0] = 0
    ocr_loss(logits, labels, prior=prior)
    after = logits, labels, prior
    assert all(map(torch.equal, before, after))


def test_labels_come_from_the_current_batch():
    logits, labels, _ = example()
    label = torch.zeros(2, 3, 4, dtype=torch.long)
    samples = []
    for vector in labels:
        sample = BaseDataElement()
        set_image_labels(sample, vector)
        samples.append(sample)
    criterion = OCRLoss()
    with batch_context(samples):
        inside = criterion(logits, label)
    assert torch.equal(inside, criterion(logits, label, image_labels=labels))
    with pytest.raises(RuntimeError, match='WeakSupervisionHook'):
        criterion(logits, label)


def test_labels_from_mask():
    logits, _, _ = example()
    label = torch.full((2, 3, 4), 255)
    label[0, 0, 0], label[1, 1, 1] = 3, 5
    labels = torch.zeros(2, 6)
    labels[0, 3] = labels[1, 5] = 1
    given = OCRLoss()(logits, label, image_labels=labels)
    assert torch.equal(OCRLoss(labels_from='mask')(logits, label), given)


def test_prior_norms():
    # Four images: bg in all, class 1 in two, class 2 in one of these two.
    counts = torch.tensor([[4, 2, 1], [2, 2, 1], [1, 1, 1]])
    joint = prior_correlation(counts, 4)
    assert torch.equal(joint, counts / 4)
    conditional = prior_correlation(counts, 4, 'conditional')
    assert conditional[1].tolist() == [1, 1, 0.5]
    assert conditional[2].tolist() == [1, 1, 1]
    unseen = prior_correlation(torch.zeros(2, 2), 0, 'conditional')
    assert torch.equal(unseen, torch.zeros(2, 2))


def test_prior_as_array_path_and_auto(tmp_path):
    counts = np.array([[4, 2, 1], [2, 2, 1], [1, 1, 1]])
    np.save(tmp_path / 'prior.npy', counts / 4)
    from_path = OCRLoss(
        prior=str(tmp_path / 'prior.npy'), prior_norm='conditional'
    )
    auto = OCRLoss(prior='auto', prior_norm='conditional')
    logits = torch.randn(1, 3, 2, 2)
    call = dict(
        seg_label=torch.zeros(1, 2, 2, dtype=torch.long),
        image_labels=torch.tensor([[1.0, 1.0, 0.0]]),
    )
    with pytest.raises(RuntimeError, match='set_cooccurrence'):
        auto(logits, **call)
    auto.set_cooccurrence(counts, 4)
    assert torch.allclose(auto.prior, from_path.prior)
    auto(logits, **call)
    assert not auto.state_dict()
    with pytest.raises(ValueError, match=r'prior must be \(2, 2\)'):
        auto(
            torch.randn(1, 2, 2, 2),
            seg_label=call['seg_label'],
            image_labels=torch.ones(1, 2),
        )


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(group='some'), 'group must be one of'),
        (dict(pixels='bg'), 'pixels must be one of'),
        (dict(filtered='kept'), 'filtered must be one of'),
        (dict(prior_norm='row'), 'prior_norm must be one of'),
        (dict(labels_from='tags'), 'labels_from must be one of'),
        (dict(prior='missing.npy'), 'cannot be read'),
        (dict(prior=[[1.0, 0.0]]), r'must be \(C, C\)'),
        (dict(prior=[[3.0, 1.0], [1.0, 2.0]]), 'joint frequencies'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        OCRLoss(**options)


def test_a_prior_in_an_npz_file_is_refused(tmp_path):
    file = tmp_path / 'prior.npz'
    np.savez(file, prior=np.eye(2))
    with pytest.raises(ValueError, match=r'prior\.npz cannot be read'):
        OCRLoss(prior=file)


def test_an_empty_batch():
    logits = torch.zeros(0, 4, 3, 3, requires_grad=True)
    loss = ocr_loss(logits, torch.zeros(0, 4))
    loss.sum().backward()
    assert loss.shape == (0, 3, 3) and logits.grad.shape == logits.shape


def test_no_ignored_label():
    logits, labels, _ = example()
    label = torch.full((2, 3, 4), 255)
    loss = OCRLoss()(logits, label, ignore_index=None, image_labels=labels)
    assert torch.isclose(loss, ocr_loss(logits, labels).mean())


def test_bad_shapes():
    label = torch.zeros(1, 2, 2, dtype=torch.long)
    ones = torch.ones(1, 3)
    with pytest.raises(ValueError, match='background_index must be'):
        ocr_loss(torch.randn(1, 3, 2, 2), ones, background_index=3)
    with pytest.raises(ValueError, match='background included'):
        OCRLoss()(torch.randn(1, 4, 2, 2), label, image_labels=ones)
    with pytest.raises(ValueError, match='seg_label must have shape'):
        OCRLoss()(torch.randn(1, 3, 4, 4), label, image_labels=ones)
    with pytest.raises(ValueError, match='out_channels=2'):
        OCRLoss()(torch.randn(1, 1, 2, 2), label, image_labels=ones)
    with pytest.raises(ValueError, match='weight must be'):
        OCRLoss()(
            torch.randn(1, 3, 2, 2),
            label,
            weight=torch.ones(1, 2),
            image_labels=ones,
        )


def test_nan_logits_are_not_hidden():
    logits, labels, _ = example()
    logits[0, 2, 1, 1] = float('nan')
    assert torch.isnan(ocr_loss(logits, labels)[0, 1, 1])
