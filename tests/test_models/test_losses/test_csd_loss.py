"""CSD's consistency losses."""

import math

import pytest
import torch

from mmseg_wsss import (
    CSDLoss,
    background_consistency,
    foreground_consistency,
)
from mmseg_wsss.models.losses import csd_loss
from mmseg_wsss.models.losses.csd_loss import kl_over_cells
from mmseg_wsss.models.losses.csd_views import ViewPair, full_cells


def random_case(m=2, k=3, h=4, w=5, stride=4, dtype=torch.float64):
    torch.manual_seed(0)
    teacher = torch.randn(m, k, h, w, dtype=dtype, requires_grad=True)
    student = torch.randn(m, k, h, w, dtype=dtype, requires_grad=True)
    mask = torch.zeros(m, h * stride, w * stride, dtype=torch.bool)
    mask[:, 3:13, 4:19] = True
    return teacher, student, mask


def pair_of(teacher, student, mask, labels=(0, 1), source=(1,)):
    m, k = teacher.shape[:2]
    vectors = []
    for present in (labels, source):
        vector = torch.zeros(m, k + 1)
        vector[:, [0, *(1 + c for c in present)]] = 1
        vectors.append(vector)
    return ViewPair(teacher, student, mask, *vectors)


def criterion_of(name, **options):
    weights = {'fg_weight': 0.0, 'bg_weight': 0.0}
    weights[{'foreground': 'fg_weight', 'background': 'bg_weight'}[name]] = 1.0
    return CSDLoss(**weights, **options)


BOTH = pytest.mark.parametrize(
    'function', [foreground_consistency, background_consistency]
)


def test_foreground_by_hand():
    # One cell, two classes: KL(3/4 1/4 || 1/2 1/2).
    teacher = torch.tensor([math.log(3), 0.0]).view(1, 2, 1, 1)
    loss = foreground_consistency(
        teacher, torch.zeros(1, 2, 1, 1), torch.ones(1, 4, 4)
    )
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert loss.item() == pytest.approx(expected)


def test_background_by_hand():
    # Probabilities 1/2 and 3/4 add up to 5/4, against a dummy score of 1.
    teacher = torch.tensor([0.0, math.log(3)]).view(1, 2, 1, 1)
    student = torch.full((1, 2, 1, 1), -1e3)
    loss = background_consistency(teacher, student, torch.ones(1, 4, 4))
    p = math.exp(1.25) / (math.exp(1.25) + math.exp(1))
    q = 1 / (1 + math.exp(1))
    expected = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_background_equals_a_loop():
    teacher, student, mask = random_case()
    loss = background_consistency(teacher, student, mask, 0.7)
    cells = full_cells(mask, (4, 5))
    for m in range(2):
        total = 0.0
        for y, x in cells[m].nonzero().tolist():
            both = []
            for maps in (teacher, student):
                logits = maps[m, :, y, x].tolist()
                total_score = sum(1 / (1 + math.exp(-s)) for s in logits)
                exps = [math.exp(s) for s in (total_score, 0.7)]
                both.append([e / sum(exps) for e in exps])
            total += sum(
                p * math.log(p / q) for p, q in zip(*both, strict=True)
            )
        assert loss[m].item() == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize('min_max', [False, True])
@pytest.mark.parametrize('classes', [None, (0, 2)])
def test_foreground_equals_a_loop(min_max, classes):
    teacher, student, mask = random_case()
    used = range(3) if classes is None else classes
    hot = None
    if classes is not None:
        hot = torch.zeros(2, 3)
        hot[:, list(classes)] = 1
    loss = foreground_consistency(teacher, student, mask, min_max, hot)
    for m in range(2):
        total = 0.0
        for y, x in full_cells(mask, (4, 5))[m].nonzero().tolist():
            both = []
            for maps in (teacher, student):
                s = maps[m, :, y, x].tolist()
                if min_max:
                    low, span = min(s), max(s) - min(s) + 1e-4
                    s = [(value - low) / span for value in s]
                exps = [math.exp(s[c]) for c in used]
                both.append([e / sum(exps) for e in exps])
            total += sum(
                p * math.log(p / q) for p, q in zip(*both, strict=True)
            )
        assert loss[m].item() == pytest.approx(total, abs=1e-9)


def test_own_class_against_the_rest():
    teacher, student, mask = random_case()
    own = torch.tensor([[0.0, 1, 0], [0, 0, 1]])
    loss = foreground_consistency(teacher, student, mask, own=own)
    cells = full_cells(mask, (4, 5))
    for m, c in ((0, 1), (1, 2)):
        p, q = (maps[m].softmax(0)[c] for maps in (teacher, student))
        kl = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
        assert loss[m].item() == pytest.approx(kl[cells[m]].sum().item())
    whole = foreground_consistency(teacher, student, mask)
    assert (loss < whole).all()  # lumping classes loses information
    views = {'foreground': pair_of(teacher, student, mask)}
    own = views['foreground'].source_labels[:, 1:]
    loss = criterion_of('foreground', classes='own')(student, views=views)
    expected = foreground_consistency(teacher, student, mask, own=own)
    assert loss.item() == pytest.approx(expected.mean().item())


@BOTH
def test_equal_maps_give_exactly_zero(function):
    teacher, _, mask = random_case(dtype=torch.float32)
    loss = function(teacher, teacher.detach().clone(), mask)
    assert (loss == 0).all()


@BOTH
def test_gradient_goes_to_the_student_only(function):
    teacher, student, mask = random_case()
    loss = function(teacher, student, mask)
    assert (loss > 0).all()
    loss.sum().backward()
    assert teacher.grad is None
    touched = student.grad.abs().sum(1) > 0
    assert torch.equal(touched, full_cells(mask, (4, 5)))


@BOTH
def test_gradcheck(function):
    teacher, student, mask = random_case(h=3, w=3, stride=5)
    assert torch.autograd.gradcheck(
        lambda s: function(teacher, s, mask), (student,)
    )


def test_foreground_does_not_see_what_all_classes_share():
    teacher, student, mask = random_case()
    loss = foreground_consistency(teacher, student, mask)
    moved = foreground_consistency(teacher, student + 3, mask)
    assert torch.allclose(loss, moved)


def test_shrinking_all_logits_pays_unless_cells_are_scaled():
    # Why our configs take min_max: teacher and student share their weights.
    teacher, student, mask = random_case()
    small = [foreground_consistency(teacher / 9, student / 9, mask)]
    large = [foreground_consistency(teacher, student, mask)]
    for maps, found in (((9, 9), small), ((1, 1), large)):
        scaled = (teacher / maps[0], student / maps[1], mask)
        found.append(foreground_consistency(*scaled, min_max=True))
    assert (small[0] < 0.1 * large[0]).all()
    assert torch.allclose(small[1], large[1], rtol=1e-2)


def test_literal_sum_of_logits_learns_nothing():
    # Why the sum is over probabilities: absent classes are far below 0.
    teacher, student, mask = random_case(k=20)
    scores = []
    for logits in (teacher - 5, student - 5):
        saliency = logits.sum(1, keepdim=True)
        scores.append(torch.cat([saliency, torch.ones_like(saliency)], 1))
    assert (kl_over_cells(*scores, mask) < 1e-12).all()
    loss = background_consistency(teacher - 5, student - 5, mask)
    assert (loss > 1e-6).all()


@BOTH
def test_empty_and_full_masks(function):
    teacher, student, mask = random_case()
    loss = function(teacher, student, torch.zeros_like(mask))
    assert (loss == 0).all()
    loss.sum().backward()
    assert (student.grad == 0).all()
    mask[0] = False
    loss = function(teacher, student, mask)
    assert loss[0] == 0 < loss[1]
    everywhere = function(teacher, student, torch.ones_like(mask))
    assert (everywhere > loss).all()


def test_one_class_has_no_foreground_loss():
    teacher, student, mask = random_case(k=1)
    assert (foreground_consistency(teacher, student, mask) == 0).all()
    own = torch.ones(2, 1)
    loss = foreground_consistency(teacher, student, mask, own=own)
    assert (loss == 0).all()
    assert (background_consistency(teacher, student, mask) > 0).all()


def test_cells_that_do_not_count_may_be_nan():
    teacher, student, mask = random_case()
    expected = kl_over_cells(teacher, student, mask)
    outside = ~full_cells(mask, (4, 5))[:, None]
    teacher = teacher.detach().masked_fill(outside, float('nan'))
    assert torch.equal(kl_over_cells(teacher, student, mask), expected)


def test_weights_and_mean_over_pairs():
    teacher, student, mask = random_case()
    views = {
        'foreground': pair_of(teacher, student, mask),
        'background': pair_of(teacher, student, ~mask),
    }
    fg = foreground_consistency(teacher, student, mask).mean()
    bg = background_consistency(teacher, student, ~mask).mean()
    loss = CSDLoss(loss_weight=2.0)(student, views=views)
    assert loss.item() == pytest.approx((0.02 * fg + 0.2 * bg).item())
    for name, expected in (('foreground', fg), ('background', bg)):
        alone = criterion_of(name)
        assert alone.view_names == (name,)
        loss = alone(student, views={name: views[name]})
        assert loss.item() == pytest.approx(expected.item())


def test_ranks_with_other_numbers_of_pairs_are_one_batch(monkeypatch):
    """The mean over ranks of 2, 0 and 1 pairs is that of all 3 pairs."""
    teacher, student, mask = (torch.cat([x, x[:1]]) for x in random_case())
    student = student.detach()
    criterion = criterion_of('foreground')

    def loss(*rows):
        pair = pair_of(teacher[[*rows]], student[[*rows]], mask[[*rows]])
        views = {'foreground': pair} if rows else {}
        return criterion(student, views=views).item()

    expected = loss(0, 1, 2)
    counts = []

    def mean(number, op):
        assert op == 'mean'
        counts.append(number.item())
        number.fill_((2 + 0 + 1) / 3)

    monkeypatch.setattr(csd_loss, 'all_reduce', mean)
    ranks = loss(0, 1), loss(), loss(2)
    assert sum(ranks) / 3 == pytest.approx(expected)
    assert ranks[1] == 0 and counts == [2, 0, 1]


def test_options_reach_the_losses():
    teacher, student, mask = random_case()
    pair = pair_of(teacher, student, mask)
    views = {'foreground': pair}
    criterion = criterion_of('foreground', classes='union', min_max=True)
    expected = foreground_consistency(
        teacher, student, mask, min_max=True, classes=pair.labels[:, 1:]
    )
    loss = criterion(student, views=views)
    assert loss.item() == pytest.approx(expected.mean().item())
    criterion = criterion_of('background', dummy_score=0.1)
    expected = background_consistency(teacher, student, mask, 0.1)
    loss = criterion(student, views={'background': pair})
    assert loss.item() == pytest.approx(expected.mean().item())
    assert CSDLoss(fg_weight=0, bg_weight=0).view_names == ()


def test_data_without_background():
    teacher, student, mask = random_case()
    labels = torch.tensor([[1.0, 1, 0]] * 2)
    pair = ViewPair(teacher, student, mask, labels, labels, None)
    criterion = criterion_of('foreground', classes='union')
    loss = criterion(student, views={'foreground': pair})
    expected = foreground_consistency(
        teacher, student, mask, classes=labels
    ).mean()
    assert loss.item() == pytest.approx(expected.item())


def test_head_with_a_background_channel():
    teacher, student, mask = random_case(k=4)
    labels = torch.tensor([[1.0, 1, 1, 0]] * 2)
    pair = ViewPair(teacher, student, mask, labels, labels)
    loss = criterion_of('foreground')(student, views={'foreground': pair})
    expected = foreground_consistency(teacher[:, 1:], student[:, 1:], mask)
    assert loss.item() == pytest.approx(expected.mean().item())
    loss.backward()
    assert (student.grad[:, 0] == 0).all()


def test_no_pairs_give_zero_with_a_gradient_path():
    logits = torch.full((2, 3, 4, 4), float('inf'), requires_grad=True)
    loss = CSDLoss()(logits, views={})
    loss.backward()
    assert loss.item() == 0 and (logits.grad == 0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('classes', ['all', 'union', 'own'])
@pytest.mark.parametrize('min_max', [False, True])
def test_huge_logits_in_half_precision(dtype, min_max, classes):
    teacher, student, mask = random_case(dtype=torch.float32)
    teacher = (teacher * 1e4).detach().to(dtype)
    student = (student * 1e4).detach().to(dtype).requires_grad_()
    pair = pair_of(teacher, student, mask)
    criterion = CSDLoss(min_max=min_max, classes=classes)
    views = {'foreground': pair, 'background': pair}
    with torch.autocast('cpu', torch.bfloat16):
        loss = criterion(student, views=views)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss) and torch.isfinite(student.grad).all()


def test_inputs_stay_as_they_are():
    teacher, student, mask = random_case()
    pair = pair_of(teacher, student, mask)
    before = [part.detach().clone() for part in pair[:5]]
    CSDLoss(classes='union', min_max=True)(
        student, views={'foreground': pair, 'background': pair}
    ).backward()
    assert all(map(torch.equal, before, [part.detach() for part in pair[:5]]))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(fg_weight=-1), 'must be >= 0: fg_weight=-1 and bg_weight=0.1'),
        (dict(classes='two'), 'classes must be one of'),
        (dict(view_norm='group'), 'view_norm must be one of'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        CSDLoss(**options)


def test_bad_input():
    teacher, student, mask = random_case()
    criterion = CSDLoss()
    with pytest.raises(RuntimeError, match='WeakSupervisionHook'):
        criterion(student)
    small = pair_of(teacher[:, :, 1:], student, mask)
    with pytest.raises(ValueError, match=r'logits .* of one shape'):
        criterion(student, views={'foreground': small})
    for function in (foreground_consistency, background_consistency):
        with pytest.raises(ValueError, match=r'logits .* of one shape'):
            function(teacher[:1], student, mask)
    pair = pair_of(teacher, student, mask)
    wrong = pair._replace(labels=torch.ones(2, 9))
    with pytest.raises(ValueError, match='3 channels and labels over 9'):
        criterion(student, views={'foreground': wrong})
    bad = student.detach().clone()
    bad[1, 2, 0, 0] = float('nan')
    with pytest.raises(ValueError, match=r'CSDLoss.*\[2\].*image \[1\]'):
        criterion(student, views={'foreground': pair._replace(student=bad)})


def test_options_are_printed():
    assert 'dummy_score=1.0' in repr(CSDLoss())


def test_the_mask_is_that_of_the_images():
    maps = torch.zeros(2, 3, 1, 1)
    for consistency in (foreground_consistency, background_consistency):
        for shape in ((1, 16, 16), (2, 1, 16, 16)):
            with pytest.raises(ValueError, match=r'mask \(M, H, W\) with M'):
                consistency(maps, maps, torch.ones(shape).bool())
