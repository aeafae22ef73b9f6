"""The sweep of background thresholds against a loop over thresholds."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.evaluation import IoUMetric

from mmseg_wsss.evaluation.areas import area_counts, area_rates
from mmseg_wsss.evaluation.cam_sweep import (
    CAMSweep,
    drop_background,
    label_from_cam,
)
from mmseg_wsss.pseudo_labels.cam import background_score

GRID = [round(0.01 * i, 2) for i in range(60)]


def images(background=0, count=5, classes=5):
    """Random CAMs of 0 to 2 classes at a quarter of the mask's size."""
    rng = np.random.default_rng(3)
    foreground = [k for k in range(classes) if k != background]
    for index in range(count):
        ids = rng.choice(foreground, index % 3, replace=False)
        cam = rng.random((len(ids), 7, 9)).astype(np.float16)
        mask = rng.integers(0, classes, (26, 35)).astype(np.uint8)
        mask[rng.random(mask.shape) < 0.1] = 255
        yield ids, cam, mask


def naive_label(ids, cam, shape, background_map, background):
    """Argmax over [background, foreground], the background first."""
    if not len(ids):
        return np.full(shape, background)
    maps = F.interpolate(
        torch.from_numpy(cam).float()[None], shape, mode='bilinear'
    )[0]
    scores = torch.cat([background_map(maps), maps]).numpy()
    return np.array([background, *ids])[scores.argmax(0)]


@pytest.mark.parametrize('background', [0, 2])
def test_a_background_map_becomes_a_threshold(background):
    """At 0.5 the best class of each pixel; at 1/3 half the background's."""
    rng = np.random.default_rng(0)
    ids = np.array([3, background, 1])
    cam = rng.random((3, 7, 9)).astype(np.float16)
    cam[:, :2, :2] = 0
    cam[1, 4:] = 0  # no background: the best class stays the best
    size = (28, 36)
    classes, scores = drop_background(ids, cam, size, background)
    assert classes.tolist() == [3, 1]
    assert scores.min() >= 0 and scores.max() <= 1
    maps = F.interpolate(
        torch.from_numpy(cam).float()[None], size, mode='bilinear'
    )[0].numpy()
    for threshold, share in ((0.5, 1), (1 / 3, 0.5)):
        shares = np.array([1, share, 1], np.float32)[:, None, None]
        expected = ids[(maps * shares).argmax(0)]
        expected[maps.max(0) == 0] = background
        ours = label_from_cam(classes, scores, size, threshold, background)
        assert (ours == expected).all()
    assert drop_background(classes, scores, size, background)[1] is scores


@pytest.mark.parametrize('background', [0, 2])
def test_sweep_against_one_argmax_per_threshold(background):
    sweep = CAMSweep(5, GRID, background)
    for image in images(background):
        sweep.update(*image)
    areas = sweep.areas()
    assert areas.shape == (60, 5, 3)
    for index, threshold in enumerate(GRID):
        expected = np.zeros((5, 3), np.int64)
        for ids, cam, mask in images(background):
            label = naive_label(
                ids,
                cam,
                mask.shape,
                lambda m, t=threshold: background_score(m, t),
                background,
            )
            expected += area_counts(label, mask, 5)
            same = label_from_cam(ids, cam, mask.shape, threshold, background)
            np.testing.assert_array_equal(same, label)
        np.testing.assert_array_equal(areas[index], expected)
        iou, fp, fn = area_rates(expected)
        np.testing.assert_allclose(
            sweep.curve()[:, index], [np.nanmean(x) for x in (iou, fp, fn)]
        )


def test_areas_are_those_of_mmseg():
    sweep = CAMSweep(5, [0.4])
    total = np.zeros((3, 5))
    for ids, cam, mask in images():
        sweep.update(ids, cam, mask)
        label = label_from_cam(ids, cam, mask.shape, 0.4)
        intersect, _, predicted, true = IoUMetric.intersect_and_union(
            torch.from_numpy(label), torch.from_numpy(mask), 5, 255
        )
        total += torch.stack([intersect, predicted, true]).numpy()
    np.testing.assert_array_equal(sweep.areas()[0].T, total)


def test_thresholds_keep_their_order():
    shuffled = [0.5, 0.1, 0.3, 0.1]
    sweep, ordered = CAMSweep(5, shuffled), CAMSweep(5, GRID)
    for image in images():
        sweep.update(*image)
        ordered.update(*image)
    np.testing.assert_array_equal(
        sweep.areas(), ordered.areas()[[50, 10, 30, 10]]
    )


def test_background_wins_ties_and_zeros():
    mask = np.array([[0, 1, 1, 1]], np.uint8)
    cam = np.array([[[0, 0.25, 0.5, 0.75]]], np.float16)
    sweep = CAMSweep(2, [0, 0.25, 0.5])
    sweep.update(np.array([1]), cam, mask)
    # Right, predicted and true of the foreground, by hand.
    assert sweep.areas()[:, 1].tolist() == [[3, 3, 3], [2, 2, 3], [1, 1, 3]]
    assert sweep.areas()[:, 0].tolist() == [[1, 1, 1], [1, 2, 1], [1, 3, 1]]
    assert sweep.curve()[0].tolist() == pytest.approx(
        [100, 50 * (1 / 2 + 2 / 3), 50 * (1 / 3 + 1 / 3)]
    )


def test_images_add_up():
    whole, parts = CAMSweep(5, GRID), [CAMSweep(5, GRID), CAMSweep(5, GRID)]
    for index, image in enumerate(images()):
        whole.update(*image)
        parts[index % 2].update(*image)
    np.testing.assert_array_equal(
        whole.areas(), parts[0].areas() + parts[1].areas()
    )
    before = whole.areas()
    whole.reduce()  # one rank: nothing to add
    np.testing.assert_array_equal(whole.areas(), before)


def test_errors():
    for thresholds in ([], [-0.1], [1.0], [float('nan')]):
        with pytest.raises(ValueError, match=r'\[0, 1\)'):
            CAMSweep(2, thresholds)
    sweep = CAMSweep(2, [0.3])
    none, mask = np.zeros(0, np.int64), np.full((4, 4), 255, np.uint8)
    sweep.update(none, np.zeros((0, 1, 1)), mask)
    with pytest.raises(ValueError, match='no labelled pixel'):
        sweep.curve()
