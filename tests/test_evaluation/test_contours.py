"""Contours, areas, and the two metrics that count them."""

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric

import mmseg_wsss
from mmseg_wsss.evaluation.areas import area_counts, area_rates
from mmseg_wsss.evaluation.contours import (
    boundary_map,
    contour_counts,
    contour_scores,
    contour_tolerance,
)
from tests.tiny import CLASSES, PALETTE


def blobs(seed, shape=(40, 56), ignore=True):
    """A label map of rectangles of classes 0 to 3, with pixels to ignore."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, np.uint8)
    for _ in range(6):
        top, left = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        height, width = rng.integers(3, 25, 2)
        value = rng.integers(0, 4)
        label[top : top + height, left : left + width] = value
    if ignore:
        label[rng.random(shape) < 0.02] = 255
        label[5:9, 10:30] = 255
    return label


def naive_boundary(mask):
    height, width = mask.shape
    out = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (1, 1)):
                if y + dy < height and x + dx < width:
                    out[y, x] |= mask[y, x] != mask[y + dy, x + dx]
    return out


def naive_counts(prediction, truth, radius):
    """Compare all pairs of contour pixels."""
    counts = []
    for k in range(1, 4):
        points = [
            np.argwhere(naive_boundary(m == k)) for m in (prediction, truth)
        ]
        gaps = points[0][:, None] - points[1][None]
        near = (gaps**2).sum(-1) <= radius**2
        counts.append(
            (
                len(points[0]),
                near.any(1).sum(),
                len(points[1]),
                near.any(0).sum(),
            )
        )
    return np.array([(0, 0, 0, 0), *counts])


@pytest.mark.parametrize('tolerance', [0, 0.008, 0.04, 0.1])
@pytest.mark.parametrize('seed', range(4))
def test_counts_against_all_pairs(seed, tolerance):
    prediction, truth = blobs(seed, ignore=False), blobs(seed + 50)
    radius = int(np.ceil(tolerance * np.sqrt(40**2 + 56**2)))
    assert radius in (0, 1, 3, 7)
    counts = contour_counts(prediction, truth, 4, tolerance)
    background = np.where(truth == 255, 0, truth)
    naive = naive_counts(prediction, background, radius)
    np.testing.assert_array_equal(counts, naive)
    masked = contour_counts(prediction, truth, 4, tolerance, ignore='mask')
    cut = np.where(truth == 255, 0, prediction)
    naive = naive_counts(cut, background, radius)
    np.testing.assert_array_equal(masked, naive)
    assert (masked != counts).any()


def test_boundary_by_hand():
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:3] = True
    # One pixel wide, half on the square and half on its upper left side.
    assert boundary_map(mask).astype(int).tolist() == [
        [1, 1, 1, 0],
        [1, 0, 1, 0],
        [1, 1, 1, 0],
        [0, 0, 0, 0],
    ]
    assert not boundary_map(np.ones((3, 3), bool)).any()


def test_tolerance_is_rounded_up():
    assert contour_tolerance(300, 400, 0.008) == 4
    assert contour_tolerance(300, 401, 0.008) == 5
    assert contour_tolerance(160, 160, 0.008) == 2


def square(left, size=100, value=1):
    label = np.zeros((size, size), np.uint8)
    label[30:60, left : left + 30] = value
    return label


def f_score(prediction, truth, k=1, **options):
    return contour_scores(contour_counts(prediction, truth, 4, **options))[2][
        k
    ]


def test_f_by_hand():
    # The tolerance of 100 x 100 is ceil(1.13) = 2 pixels.
    assert f_score(square(30), square(30)) == 100
    assert f_score(square(32), square(30)) == 100
    # A contour has 31 + 31 + 29 + 29 pixels. Shifted by 3, top and bottom keep
    # 30 each, and one side 4 pixels, close to the other's top and bottom.
    shifted = f_score(square(33), square(30))
    assert shifted == pytest.approx(100 * (30 + 30 + 4) / 120)
    assert f_score(square(64), square(30)) == 0
    assert f_score(square(64), square(30), tolerance=0.3) == 100
    precision, recall, f = contour_scores(np.array([[10, 5, 40, 30]]))
    assert (precision[0], recall[0], f[0]) == (50, 75, 60)


def test_absent_classes():
    scores = contour_scores(contour_counts(square(30), square(30), 4))
    for score in scores:
        # The background has no contour of its own, two classes none at all.
        assert np.isnan(score[[0, 2, 3]]).all()
    # A class in one map only has F 0, precision and recall 0.
    for pair in (
        (square(30), square(30, value=0)),
        (square(30, value=0), square(30)),
    ):
        assert f_score(*pair) == 0
    # A class that fills both maps has no contour.
    full = np.ones((9, 9), np.uint8)
    assert np.isnan(f_score(full, full))
    assert f_score(square(30), square(30), 0, background_index=None) == 100


def test_ignored_pixels_of_the_two_rules():
    truth, prediction = square(30), square(30)
    truth[:, 60:] = 255
    prediction[30:60, 60:80] = 1  # spills into what is not labelled
    assert f_score(prediction, truth, ignore='mask') == 100
    assert f_score(prediction, truth) < 90
    # Labels that are no class belong to none.
    prediction[prediction == 1] = 254
    assert f_score(prediction, truth) == 0


def test_contour_errors():
    with pytest.raises(ValueError, match="'background', 'mask'"):
        contour_counts(square(0), square(0), 4, ignore='void')
    with pytest.raises(ValueError, match='of one size'):
        contour_counts(square(0), square(0, 99), 4)


def sample(prediction, truth=None):
    out = dict(
        pred_sem_seg=dict(data=torch.from_numpy(prediction)[None].long()),
        img_path='a.png',
    )
    if truth is not None:
        out['gt_sem_seg'] = dict(data=torch.from_numpy(truth)[None])
    return out


def evaluate(metric, samples):
    metric.dataset_meta = dict(classes=CLASSES, palette=PALETTE)
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def pairs():
    return [(blobs(s, ignore=False), blobs(s + 50)) for s in range(3)]


def test_contour_metric_adds_counts_before_it_divides():
    samples = [sample(*pair) for pair in pairs()]
    result = evaluate(mmseg_wsss.ContourMetric(), samples)
    counts = sum(contour_counts(*pair, 4) for pair in pairs())
    f = np.nanmean(contour_scores(counts)[2])
    miou = evaluate(IoUMetric(), samples)['mIoU']
    assert result['F'] == round(f, 2)
    assert result['J'] == pytest.approx(miou, abs=0.011)
    assert result['J&F'] == pytest.approx((f + miou) / 2, abs=0.011)
    frames = [
        np.nanmean(contour_scores(contour_counts(*p, 4))[2]) for p in pairs()
    ]
    assert abs(np.mean(frames) - f) > 0.5


def test_contour_metric_keeps_little():
    metric = mmseg_wsss.ContourMetric()
    metric.dataset_meta = dict(classes=[str(k) for k in range(200)])
    metric.process({}, [sample(square(30), square(30, value=7))])
    assert metric.results[0].tolist() == [
        [0, 9100, 9100, 9100, 0, 0, 0, 0],
        [1, 0, 900, 0, 120, 0, 0, 0],
        [7, 0, 0, 900, 0, 0, 120, 0],
    ]


def test_perfect_and_empty():
    result = evaluate(
        mmseg_wsss.ContourMetric(), [sample(square(9), square(9))]
    )
    assert result == {'F': 100, 'J': 100, 'J&F': 100}
    ignored = np.full((9, 9), 255, np.uint8)
    black = np.zeros((9, 9), np.uint8)
    result = evaluate(mmseg_wsss.ContourMetric(), [sample(black, ignored)])
    assert np.isnan(list(result.values())).all()


def test_false_rates_by_hand():
    truth = np.array([[0, 0, 0, 0, 1, 1, 1, 255]], np.uint8)
    prediction = np.array([[0, 0, 1, 2, 1, 1, 0, 3]], np.uint8)
    areas = area_counts(prediction, truth, 4)
    assert areas.tolist() == [[2, 3, 4], [2, 3, 3], [0, 1, 0], [0, 0, 0]]
    iou, fp, fn = area_rates(areas)
    assert iou[:3].tolist() == [40, 50, 0]
    assert fp[:3].tolist() == [20, 25, 100]
    assert fn[:3].tolist() == [40, 25, 0]
    assert np.isnan([iou[3], fp[3], fn[3]]).all()
    samples = [sample(prediction, truth)]
    result = evaluate(mmseg_wsss.FalseRateMetric(), samples)
    assert result == {'FP': 48.33, 'FN': 21.67}
    miou = evaluate(IoUMetric(), samples)['mIoU']
    assert sum(result.values()) + miou == pytest.approx(100, abs=0.02)
    result = evaluate(
        mmseg_wsss.FalseRateMetric(skip_background=True), samples
    )
    assert result == {'FP': 62.5, 'FN': 12.5}


@pytest.mark.parametrize(
    'metric', [mmseg_wsss.ContourMetric, mmseg_wsss.FalseRateMetric]
)
def test_metric_errors(metric):
    with pytest.raises(ValueError, match=r'a\.png has no mask'):
        evaluate(metric(), [sample(square(0))])
    with pytest.raises(ValueError, match='LoadAnnotations belongs after'):
        evaluate(metric(), [sample(square(0), square(0, 99))])
    with pytest.raises(ValueError, match=r'a\.png holds labels from 0 to 9'):
        evaluate(metric(), [sample(square(0), square(0, value=9))])
    with pytest.raises(TypeError, match='tolerence'):
        metric(tolerence=1)
