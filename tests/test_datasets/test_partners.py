"""CSD's prior correlation (Eq. 1) and the draw of partners."""

import numpy as np
import pytest

from mmseg_wsss.datasets import Partners, load_image_labels, partner_prior
from mmseg_wsss.datasets.label_files.load import save_image_labels

CLASSES = ('background', 'horse', 'person', 'table')
# 4 horses, 2 persons and no table alone; 3 horses with a person, one of
# them with a table too; 1 person with a table.
IMAGES = (
    [['horse']] * 4
    + [['person']] * 2
    + [['horse', 'person']] * 2
    + [['horse', 'person', 'table']]
    + [['person', 'table']]
)
# Counts from 1: horse 5 4 2, person 4 3 3, table 2 3 1.
LINEAR = [[5 / 11, 4 / 11, 2 / 11], [0.4, 0.3, 0.3], [2 / 6, 3 / 6, 1 / 6]]


@pytest.fixture
def labels(tmp_path):
    """Labels (10, 3), by way of a label file."""
    images = {f'{k:02d}': names for k, names in enumerate(IMAGES)}
    save_image_labels(tmp_path / 'labels.json', images)
    table = load_image_labels(tmp_path / 'labels.json')
    return table.matrix(CLASSES)[:, 1:]


def test_linear_rows_by_hand(labels):
    assert np.allclose(partner_prior(labels), LINEAR)


def test_rows_equal_a_loop(labels):
    prior = partner_prior(labels)
    for i in range(3):
        row = []
        for j in range(3):
            if i == j:
                images = [x for x in labels if x[i] and x.sum() == 1]
            else:
                images = [x for x in labels if x[i] and x[j]]
            row.append(1 + len(images))
        assert np.allclose(prior[i], np.array(row) / sum(row))


def test_a_class_without_images_has_an_even_row(labels):
    nothing = np.concatenate([labels, np.zeros((10, 1))], axis=1)
    assert np.allclose(partner_prior(nothing)[3], 0.25)


def test_class_weights_of_several_classes(labels):
    partners = Partners(labels)
    assert partners.counts.tolist() == [4, 2, 0]
    # The sum of two rows, tables left out, to sum 1 again.
    expected = np.array([5 / 11 + 0.4, 4 / 11 + 0.3, 0])
    weights = partners.class_weights([1, 1, 0])
    assert np.allclose(weights, expected / expected.sum())
    assert weights.sum() == pytest.approx(1)


def test_uniform_takes_any_single_label_image(labels):
    partners = Partners(labels, resampling='uniform')
    assert np.allclose(partners.class_weights([0, 0, 1]), [4 / 6, 2 / 6, 0])


def test_a_class_that_meets_no_drawable_class(labels):
    lonely = np.concatenate([labels, np.zeros((10, 2))], axis=1)
    lonely = np.concatenate([lonely, [[0, 0, 0, 1, 1]]])
    weights = Partners(lonely).class_weights(lonely[-1])
    assert np.allclose(weights, [1 / 2, 1 / 2, 0, 0, 0])


def test_draw_follows_the_weights(labels):
    partners = Partners(labels)
    np.random.seed(0)
    drawn = np.bincount([partners.draw(8) for _ in range(20_000)], minlength=6)
    weights = partners.class_weights(labels[8])
    assert len(drawn) == 6  # the single-label images come first
    assert np.allclose(drawn[:4] / 20_000, weights[0] / 4, atol=0.01)
    assert np.allclose(drawn[4:] / 20_000, weights[1] / 2, atol=0.01)


def test_bad_input(labels):
    with pytest.raises(ValueError, match='resampling must be one of'):
        Partners(labels, resampling='never')
    with pytest.raises(ValueError, match='no image has a single label'):
        Partners(labels[labels.sum(1) > 1])
