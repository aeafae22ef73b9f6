"""Confident labels of PSA and IRN."""

import numpy as np
import pytest

from mmseg_wsss.pseudo_labels import irn_confident_label, psa_confident_label
from mmseg_wsss.pseudo_labels.crf_params import CRFParams

pytest.importorskip('pydensecrf')
# Without kernels a CRF's best label is that of its unary.
NO_KERNELS = CRFParams(1, 1, 0, 1, 1, 0)


def image(height=4, width=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def column_cam(*values):
    """One class per row of values, the same in every image row."""
    return np.repeat(np.array(values, np.float32)[:, None], 4, axis=1)


def test_psa_by_hand():
    # (1 - m) ** 4 = m at 0.2755, (1 - m) ** 32 = m at 0.0759.
    cam = column_cam(
        [0.0, 0.05, 0.1, 0.2, 0.3, 0.9], [0.0, 0.0, 0.0, 0.0, 0.4, 0.1]
    )
    label = psa_confident_label(image(), cam, 4, 32, NO_KERNELS)
    assert label.dtype == np.uint8
    assert label[0].tolist() == [0, 0, 255, 255, 2, 1]
    assert (label == label[0]).all()


def test_irn_by_hand():
    cam = column_cam(
        [0.0, 0.04, 0.06, 0.29, 0.31, 0.2], [0.0, 0.0, 0.0, 0.0, 0.1, 0.8]
    )
    label = irn_confident_label(image(), cam, 0.3, 0.05, params=NO_KERNELS)
    assert label[0].tolist() == [0, 0, 255, 255, 1, 2]


def test_irn_with_a_background_map_by_hand():
    cam = column_cam(
        [0.0, 0.3, 0.3, 0.9, 0.9, 0.5], [0.0, 0.1, 0.0, 0.0, 1.0, 0.2]
    )
    own = column_cam([1.0, 0.8, 0.5, 0.8, 0.9, 0.5])[0]
    label = irn_confident_label(image(), cam, own, own / 2, params=NO_KERNELS)
    assert label[0].tolist() == [0, 0, 255, 1, 2, 255]


def test_equal_thresholds_leave_nothing_open():
    cam = np.random.default_rng(0).random((2, 4, 6), np.float32)
    for label in (
        irn_confident_label(image(), cam, 0.5, 0.5),
        psa_confident_label(image(), cam, 2, 2.0000001),
    ):
        assert set(np.unique(label)) <= {0, 1, 2}


@pytest.mark.parametrize('make', [psa_confident_label, irn_confident_label])
def test_no_class_is_all_background(make):
    label = make(image(), np.zeros((0, 4, 6), np.float32))
    assert label.shape == (4, 6) and (label == 0).all()


@pytest.mark.parametrize('make', [psa_confident_label, irn_confident_label])
def test_crf_follows_the_picture(make):
    """A red square: its sure label does not leak over the edge."""
    picture = np.full((40, 40, 3), 220, np.uint8)
    picture[10:30, 10:30] = (200, 20, 20)
    cam = np.zeros((1, 40, 40), np.float32)
    cam[0, 8:32, 8:32] = 0.5
    cam[0, 12:28, 12:28] = 0.9
    label = make(picture, cam)
    assert (label[12:28, 12:28] == 1).all()
    assert (label[:8] == 0).all() and (label[:, :8] == 0).all()
    outside = np.ones((40, 40), bool)
    outside[10:30, 10:30] = False
    assert (label[outside] == 1).sum() < (cam[0][outside] > 0).sum() / 4


def test_flipped_views_of_arrays():
    photo, cam = image(), column_cam([0.0, 0.05, 0.1, 0.2, 0.3, 0.9])
    for confident in (psa_confident_label, irn_confident_label):
        found = confident(photo[:, ::-1], cam[..., ::-1], params=NO_KERNELS)
        expected = confident(photo, cam, params=NO_KERNELS)[:, ::-1]
        assert np.array_equal(found, expected)
