import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_wsss.structures import set_pixel_weights, stack_pixel_weights


def sample(weights=None):
    data_sample = SegDataSample()
    if weights is not None:
        set_pixel_weights(data_sample, weights)
    return data_sample


def test_weights_travel_with_the_sample():
    weights = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    moved = sample(weights).to('meta')
    assert moved.pixel_weights.device.type == 'meta'
    stacked = stack_pixel_weights([sample(weights), sample()])
    assert stacked.dtype == torch.float32 and not stacked.requires_grad
    assert torch.equal(stacked[0], weights.detach().float())
    assert torch.equal(stacked[1], torch.ones(2, 3))


def test_no_weights():
    assert stack_pixel_weights([sample(), sample()]) is None
    assert stack_pixel_weights([]) is None
    assert stack_pixel_weights(None) is None


def test_bad_weights():
    with pytest.raises(ValueError, match='one float map'):
        sample(torch.ones(1, 2, 3))
    with pytest.raises(ValueError, match='one float map'):
        sample(torch.ones(2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match='different sizes'):
        stack_pixel_weights(
            [sample(torch.ones(2, 3)), sample(torch.ones(2, 2))]
        )
