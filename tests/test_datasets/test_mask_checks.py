"""The check of label maps against image labels, on arrays."""

import numpy as np
import pytest

from mmseg_wsss.datasets.mask_checks import MaskCheck, label_map_error

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


def test_classes_in_place_of_labelled_ones_are_a_problem():
    right = [((3,), (3,))] * 4
    wrong = [((1, 3), (2, 3)), ((2, 3), (1, 3))]
    check = check_of(*right, *wrong)
    assert '2 of 6 label maps' in check.problems()[0]
    assert check.warnings() == []
    # At a quarter it is a warning.
    check = check_of(*right, *wrong, *right[:2])
    assert check.problems() == [] and check.warnings()


def test_labels_of_the_main_object_are_a_warning():
    check = check_of(((1, 2), (1,)), ((2, 3), (2,)), ((1, 3), (3,)))
    assert check.problems() == []
    assert '3 of 3 label maps' in check.warnings()[0]


def test_two_swapped_classes_among_many_right_ones():
    right = [((3,), (3,))] * 20
    check = check_of(*right, *[((1,), (2,))] * 2, *[((2,), (1,))] * 2)
    assert 'photos of cat, dog show other' in check.problems()[0]


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
