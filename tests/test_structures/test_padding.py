"""Which cells lie on the image."""

import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.structures import SegDataSample

from mmseg_wsss.structures import unpadded_cells


def test_as_a_mask_resized_to_the_nearest_pixel():
    sizes = [(64, 64), (33, 50), (32, 1), (17, 64)]
    samples = [SegDataSample() for _ in sizes]
    images = [torch.ones(3, *size) for size in sizes]
    preprocessor = SegDataPreProcessor(size=(64, 64), pad_val=0)
    data = dict(inputs=images, data_samples=samples)
    data = preprocessor(data, True)
    for grid in ((4, 4), (5, 7), (64, 64)):
        found = unpadded_cells(data['data_samples'], grid)
        expected = torch.nn.functional.interpolate(
            data['inputs'][:, :1], grid, mode='nearest'
        )
        assert torch.equal(found, expected), grid


def test_nothing_recorded():
    found = unpadded_cells([SegDataSample()] * 2, (3, 4))
    assert torch.equal(found, torch.ones(2, 1, 3, 4))
