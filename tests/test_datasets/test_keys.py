"""What refiners read from the result dict, and what is said if it lacks."""

import numpy as np
import pytest

from mmseg_wsss import ScoresToLabel
from mmseg_wsss.datasets.transforms.keys import (
    ADDED_BY,
    label_key,
    require,
    rgb_image,
)

STEP = ScoresToLabel()


@pytest.mark.parametrize('key', list(ADDED_BY))
def test_a_missing_key_is_told_with_the_transform_that_adds_it(key):
    value = np.zeros(3)
    assert require({key: value}, key, STEP) is value
    what, transform = ADDED_BY[key]
    for results in ({}, {key: None}):
        with pytest.raises(ValueError) as raised:
            require(results, key, STEP)
        assert str(raised.value) == (
            f'ScoresToLabel needs {what}: put {transform} before it'
        )


def test_the_image_is_turned_to_rgb_and_must_be_colour():
    bgr = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    rgb = rgb_image({'img': bgr}, STEP)
    assert rgb[0, 0].tolist() == [2, 1, 0] and rgb.flags['C_CONTIGUOUS']
    for wrong in (bgr[..., 0], bgr.astype(np.float32)):
        with pytest.raises(ValueError, match='needs a colour image'):
            rgb_image({'img': wrong}, STEP)


def test_a_pseudo_label_goes_before_a_training_label():
    label = np.zeros((2, 2))
    assert label_key({'gt_seg_map': label}) == 'gt_seg_map'
    both = {'gt_seg_map': label, 'pseudo_label': label}
    assert label_key(both) == 'pseudo_label'
    assert label_key({}) == 'pseudo_label'
