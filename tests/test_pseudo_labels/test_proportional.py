"""PMM's smoothing and proportional masks: numbers, loops, edges."""

import numpy as np
import pytest
from scipy.optimize import brentq

from mmseg_wsss.pseudo_labels import proportional_label, smooth_cam
from mmseg_wsss.pseudo_labels.crf_params import CRFParams, crf_params
from mmseg_wsss.pseudo_labels.proportional import PMM_CRF

# Without kernels a CRF's best label is that of its unary.
NO_KERNELS = CRFParams(1, 1, 0, 1, 1, 0)


def image(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def label_of(cam, params=None, **options):
    cam = np.asarray(cam, np.float32)
    return proportional_label(
        image(*cam.shape[1:]), cam, params=params, **options
    )


# ------------------------------------------------------------------ smoothing
def test_smoothing_by_hand():
    s = smooth_cam(np.array([[[0.1, 0.3, 0.04, 0.0]]]))
    np.testing.assert_allclose(s[0, 0], [0.1412538, 0.3593793, 0, 0], 1e-6)
    assert s.dtype == np.float32
    background = (1 - s[0, 0, :2].astype(float)) ** 11
    np.testing.assert_allclose(background, [0.187289, 0.007458], rtol=1e-4)


def test_smoothing_is_per_class_against_a_loop():
    cam = np.random.default_rng(0).random((3, 5, 7))
    cam[1] *= 0.2
    expected = np.zeros_like(cam)
    for k in range(3):
        kept = [v for v in cam[k].flatten() if v > 0.05]
        mean = sum(kept) / len(kept)
        std = (sum((v - mean) ** 2 for v in kept) / len(kept)) ** 0.5
        for i in range(5):
            for j in range(7):
                if cam[k, i, j] > 0.05:
                    expected[k, i, j] = cam[k, i, j] ** (1 - 0.3 * std / mean)
    np.testing.assert_allclose(smooth_cam(cam), expected, rtol=1e-5)


def test_a_spread_map_is_lifted_more():
    even, spread = np.array([[[0.5, 0.6]]]), np.array([[[0.5, 1.0]]])
    assert smooth_cam(spread)[0, 0, 0] > smooth_cam(even)[0, 0, 0] > 0.5


@pytest.mark.parametrize('value', [0.3, 1.0])
def test_a_constant_map_stays(value):
    cam = np.full((1, 40, 50), value, np.float32)
    np.testing.assert_allclose(smooth_cam(cam), cam, rtol=1e-6)
    assert (smooth_cam(cam * 0.04) == 0).all()


def test_smoothing_keeps_its_input_and_its_range():
    rng = np.random.default_rng(0)
    cam = (rng.random((2, 9, 9)) ** 8).astype(np.float16)
    before = cam.copy()
    for smoothing, threshold in ((0.3, 0.05), (5.0, 1e-4), (0.0, 0.05)):
        s = smooth_cam(cam, smoothing, threshold)
        assert np.isfinite(s).all() and (s >= 0).all() and (s <= 1).all()
    assert np.array_equal(cam, before)
    kept = np.where(cam > 0.05, cam, 0)
    np.testing.assert_allclose(s, kept, rtol=1e-6)  # smoothing 0
    # What an interpolation may do to 1.
    assert smooth_cam(np.full((1, 2, 2), 1 + 1e-6)).max() == 1


# ---------------------------------------------------------------- the labels
def test_the_small_object_wins():
    """.5 / (1 + 9 * .5) = .0909 is more than .9 / (1 + 99 * .9) = .00999."""
    cam = np.zeros((2, 10, 10))
    cam[0] = 0.9
    cam[0, 9, 9] = 0  # 99 pixels
    cam[1, 2:5, 2:5] = 0.5  # 9 pixels
    label = label_of(cam)
    assert (label[2:5, 2:5] == 2).all() and label[9, 9] == 0
    assert (label == 1).sum() == 90
    # The order of the classes does not matter.
    swapped = label_of(cam[::-1])
    assert np.array_equal(swapped, np.array([0, 2, 1])[label])


@pytest.mark.parametrize('params', [None, NO_KERNELS])
def test_one_class_is_a_threshold(params):
    if params:
        pytest.importorskip('pydensecrf')
    threshold = brentq(lambda s: s - (1 - s) ** 11, 0.01, 0.99)
    assert threshold == pytest.approx(0.1556, abs=5e-5)
    cam = np.random.default_rng(0).random((1, 8, 9), np.float32) * 0.4
    s = smooth_cam(cam)[0]
    assert np.array_equal(label_of(cam, params), s > threshold)


def test_against_a_loop():
    rng = np.random.default_rng(0)
    cam = rng.random((3, 6, 7)).astype(np.float32) ** 3
    s = smooth_cam(cam).astype(float)
    wins = s > (1 - s) ** 11
    area = [
        sum(cam[k, i, j] for i in range(6) for j in range(7) if wins[k, i, j])
        for k in range(3)
    ]
    expected = np.zeros((6, 7), int)
    for i in range(6):
        for j in range(7):
            best = -1.0
            for k in range(3):
                importance = cam[k, i, j] / (1 + area[k])
                if wins[k, i, j] and importance > best:
                    best, expected[i, j] = importance, k + 1
    label = label_of(cam)
    assert label.dtype == np.uint8
    assert np.array_equal(label, expected)
    assert set(np.unique(label)) == {0, 1, 2, 3}
    pytest.importorskip('pydensecrf')
    assert np.array_equal(label_of(cam, NO_KERNELS), expected)


def test_only_winners_compete():
    """A CRF may spread a class to where its map is 0."""
    pytest.importorskip('pydensecrf')
    picture = np.full((30, 30, 3), 220, np.uint8)
    picture[5:25, 5:25] = (200, 20, 20)
    cam = np.zeros((2, 30, 30), np.float32)
    cam[0, :2, :2] = 0.06  # no foreground
    cam[1, 5:25, 5:25] = 0.9
    cam[1, 14:16, 14:16] = 0
    label = proportional_label(picture, cam)
    assert (label[5:25, 5:25] == 2).all()
    assert (label == 2).sum() == 400 and (label != 1).all()


def test_nothing_is_background():
    assert (label_of(np.zeros((2, 4, 5))) == 0).all()
    empty = label_of(np.zeros((0, 4, 5)))
    assert empty.shape == (4, 5) and not empty.any()


def test_the_settings_are_the_published_ones():
    assert crf_params(PMM_CRF) == CRFParams(10, 3, 10, 80, 13, 10)


def test_errors():
    cam = np.zeros((1, 4, 5))
    for options in (
        dict(smoothing=-0.1),
        dict(smoothing=np.nan),
        dict(threshold=0),
        dict(threshold=1),
    ):
        with pytest.raises(ValueError, match='smoothing must be >= 0'):
            smooth_cam(cam, **options)
    for wrong in (cam[0], cam.astype(int)):
        with pytest.raises(ValueError, match=r'float maps \(K, H, W\)'):
            smooth_cam(wrong)
    for wrong in (cam - 0.1, cam + 1.1, cam * np.nan):
        with pytest.raises(ValueError, match=r'must lie in \[0, 1\]'):
            smooth_cam(wrong)
    with pytest.raises(ValueError, match='alpha must be > 0'):
        label_of(cam, alpha=0)
    with pytest.raises(ValueError, match='resize it first'):
        proportional_label(image(4, 6), cam, params=None)
