"""Pixels counted by true class and label."""

import numpy as np
import pytest

from mmseg_wsss.evaluation.areas import area_counts, areas_of, confusion


def test_confusion_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    mask, label = rng.integers(0, 4, (2, 9, 7))
    mask[0], label[1], label[2] = 255, 254, 255
    expected = np.zeros((4, 5), int)
    for true, guess in zip(mask.flat, label.flat, strict=True):
        if true != 255:
            expected[true, min(guess, 4)] += 1
    found = confusion(label, mask, 4)
    assert (found == expected).all()
    areas = areas_of(found)
    assert (area_counts(label, mask, 4) == areas).all()
    right, predicted, true = areas.T
    assert (right == np.diag(expected)).all()
    assert (predicted == expected[:, :4].sum(0)).all()
    assert (true == expected.sum(1)).all()
    with pytest.raises(ValueError, match='has size'):
        confusion(label[1:], mask, 4)
    with pytest.raises(ValueError, match='holds labels from'):
        confusion(label, mask, 2)


def test_the_name_of_version_0_1():
    """Scripts of users import it from there."""
    from mmseg_wsss.evaluation import areas, label_files

    assert label_files.label_areas is areas.label_areas
