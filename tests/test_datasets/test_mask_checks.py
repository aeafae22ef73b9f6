"""The check of label maps against image labels, on arrays."""

from itertools import combinations

import numpy as np
import pytest

from mmseg_wsss.datasets.mask_checks import MaskCheck, label_map_error
from mmseg_wsss.datasets.scenes.generator import draw_scene
from mmseg_wsss.datasets.scenes.plan import CLASSES as SCENES

CLASSES = ('background', 'cat', 'dog', 'bird')


def label(*values):
    return np.array([[0, *values]], np.uint8)


def vector(*classes):
    out = np.zeros(len(CLASSES))
    out[[0, *classes]] = 1
    return out


def check_of(*pairs):
    """Check of (classes in the map, classes in the image labels)."""
    check = MaskCheck(CLASSES)
    for k, (shown, labelled) in enumerate(pairs):
        check.add(f'm{k}', label(*shown), vector(*labelled))
    return check


def test_single_maps():
    assert label_map_error(label(3, 255), 4) == ''
    assert 'holds [4, 254]' in label_map_error(label(4, 254), 4)
    assert label_map_error(label(3, 254), 4, (254, 255)) == ''
    assert 'shape (1, 2, 3)' in label_map_error(np.zeros((1, 2, 3), int), 4)
    assert 'holds [-1]' in label_map_error(np.array([[-1]]), 4)
    assert 'holds [300]' in label_map_error(np.array([[300]], 'u2'), 4)


@pytest.mark.parametrize(
    'pairs',
    [
        [((1,), (1,)), ((2,), (2,)), ((), (3,))],  # one shows nothing
        [((1,), (1, 2))] * 3,  # a class is missed
        [((), ())] * 3,  # no class is expected
    ],
)
def test_maps_that_fit(pairs):
    check = check_of(*pairs)
    assert check.problems() == check.warnings() == []


def test_a_few_contradictions_are_a_warning():
    check = check_of(((1, 2), (1,)), ((1,), (1,)), ((2,), (2,)))
    assert check.problems() == []
    assert '1 of 3 label maps' in check.warnings()[0]
    assert 'm0 shows dog' in check.warnings()[0]
    assert check.missing_classes() == ['bird']
    # A single photo is no pattern.
    assert check_of(((1,), (2,))).problems() == []


def test_maps_with_more_than_the_main_object():
    check = check_of(((1, 2), (1,)), ((2, 3), (2,)), ((1, 3), (3,)))
    assert check.problems() == []
    (warning,) = check.warnings()
    assert '3 of 3 label maps' in warning
    assert '(cat 1, dog 1, bird 1): m0 shows dog; m1' in warning


def test_other_classes_in_each_map_are_a_problem():
    check = check_of(((2,), (1,)), ((3,), (2,)), ((3,), (3,)))
    (problem,) = check.problems()
    assert '2 of 3 label maps' in problem
    assert 'm0 shows dog, not cat' in problem
    assert '2 show none of the classes labelled' in problem
    assert check.warnings() == []


def test_photos_without_class_hide_nothing():
    without = [((), ())] * 9
    (problem,) = check_of(*without, *[((), (1,))] * 2).problems()
    assert problem.startswith('none of 2 label maps shows a class')
    (warning,) = check_of(*without, *[((), (1,))] * 2, ((1,), (1,))).warnings()
    assert warning.startswith('2 of 3 label maps show no class')
    wrong = ((2,), (1,)), ((3,), (2,)), ((3,), (3,))
    (problem,) = check_of(*without, *wrong).problems()
    assert '2 show none of the classes labelled' in problem


def test_two_swapped_classes_among_many_right_ones():
    right = [((3,), (3,))] * 20
    check = check_of(*right, *[((1,), (2,))] * 2, *[((2,), (1,))] * 2)
    said = 'of the photos of cat without dog, 2 show dog and not cat, 0 show'
    assert said in check.problems()[0]


def test_swapped_classes_that_are_mostly_together():
    both = [((1, 2), (1, 2))] * 20
    check = check_of(*both, *[((1, 3), (2, 3))] * 2)
    assert 'photos of dog without cat, 2 show' in check.problems()[0]


def test_a_lost_object_is_no_pattern():
    """One map, two of 200, or a class that most maps do show."""
    lost, kept = ((1,), (2,)), ((2,), (2,))
    for pairs in (
        [lost, ((3,), (3,))],
        [lost] * 2 + [((3,), (3,))] * 198,
        [lost] * 2 + [kept] * 2,
    ):
        check = check_of(*pairs)
        assert check.problems() == []
        assert 'shows cat, not dog' in check.warnings()[0]


@pytest.fixture(scope='module')
def scenes():
    return [draw_scene(0, 'train', k, (64, 64)).mask for k in range(40)]


def scene_check(masks, order, main_only):
    """Check scenes with their classes in an order, against their labels."""
    check = MaskCheck(SCENES)
    for k, mask in enumerate(masks):
        areas = np.bincount(mask.ravel(), minlength=256)[: len(SCENES)]
        labels = areas > 0
        if main_only:
            labels = np.arange(len(SCENES)) == areas[1:].argmax() + 1
        check.add(f'm{k}', np.append(order, [0] * 249)[mask], labels)
    return check


@pytest.mark.parametrize('main_only', [False, True])
def test_scenes(scenes, main_only):
    right = np.arange(len(SCENES))
    check = scene_check(scenes, right, main_only)
    assert check.problems() == []
    assert len(check.warnings()) == main_only
    for first, second in combinations(right[1:], 2):
        order = right.copy()
        order[[first, second]] = second, first
        assert scene_check(scenes, order, main_only).problems()
    for shift in range(1, len(SCENES) - 1):
        order = [0, *np.roll(right[1:], shift)]
        assert scene_check(scenes, order, main_only).problems()


def test_all_maps_without_a_class():
    check = check_of(((255,), (1,)), ((255,), (2,)))
    assert 'none of 2 label maps' in check.problems()[0]
    check = check_of(((255,), (1,)), ((255,), (2,)), ((3,), (3,)))
    assert check.problems() == []
    assert '2 of 3 label maps show no' in check.warnings()[0]


def test_merged_checks_are_one():
    pairs = [((1, 2), (1,)), ((2, 3), (2,)), ((3,), (3,)), ((), (1,))]
    whole, parts = check_of(*pairs), MaskCheck(CLASSES)
    for k, (shown, labelled) in enumerate(pairs):
        part = MaskCheck(CLASSES)
        part.add(f'm{k}', label(*shown), vector(*labelled))
        parts.merge(part)
    assert parts.problems() == whole.problems() == []
    assert parts.warnings() == whole.warnings() != []
    assert parts.missing_classes() == whole.missing_classes()
