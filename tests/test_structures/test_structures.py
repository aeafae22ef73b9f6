import threading

import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_wsss.structures import (
    batch_context,
    current_data_samples,
    current_image_labels,
    find_image_labels,
    foreground_indices,
    labels_from_mask,
    set_image_labels,
    stack_image_labels,
)


def sample(*labels):
    data_sample = SegDataSample()
    set_image_labels(data_sample, torch.tensor(labels))
    return data_sample


def test_labels_travel_with_the_sample():
    moved = sample(1, 0, 1).to('meta')
    assert moved.image_labels.device.type == 'meta'
    assert sample(1, 0).to_dict()['image_labels'].tolist() == [1, 0]
    stacked = stack_image_labels([sample(1, 0), sample(1, 1)])
    assert stacked.dtype == torch.float32
    assert stacked.tolist() == [[1, 0], [1, 1]]


def test_bad_labels():
    with pytest.raises(ValueError, match='multi-hot'):
        set_image_labels(SegDataSample(), torch.tensor([0.5, 1]))
    with pytest.raises(ValueError, match='multi-hot'):
        set_image_labels(SegDataSample(), torch.ones(2, 2))
    with pytest.raises(ValueError, match='different lengths'):
        stack_image_labels([sample(1, 0), sample(1, 0, 0)])
    with pytest.raises(ValueError, match='LoadImageLabels'):
        stack_image_labels([sample(1, 0), SegDataSample()])


def test_contexts_nest_and_end():
    outer, inner = [sample(1, 0)], [sample(0, 1)]
    with batch_context(outer):
        with batch_context(inner):
            assert find_image_labels().tolist() == [[0, 1]]
        assert current_image_labels('x').tolist() == [[1, 0]]
    assert current_data_samples() is None
    assert find_image_labels() is None
    with pytest.raises(RuntimeError, match='MyLoss needs image labels'):
        current_image_labels('MyLoss')


def test_threads_do_not_share_a_batch():
    seen = []
    with batch_context([sample(1)]):
        thread = threading.Thread(
            target=lambda: seen.append(current_data_samples())
        )
        thread.start()
        thread.join()
    assert seen == [None]


def test_foreground_indices():
    assert foreground_indices(4, 0) == [1, 2, 3]
    assert foreground_indices(4, 2) == [0, 1, 3]
    assert foreground_indices(3, None) == [0, 1, 2]
    with pytest.raises(ValueError, match='background_index'):
        foreground_indices(3, 3)


def test_labels_from_mask():
    mask = torch.tensor([[[0, 2], [255, 254]], [[-1, 1], [1, 1]]])
    assert labels_from_mask(mask, 3).tolist() == [[1, 0, 1], [0, 1, 0]]
