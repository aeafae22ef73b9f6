"""What all extractors share, and features over scales and flips."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss import FeatureExtractor, dense_features
from mmseg_wsss.models.feature_extractors import feature_grid
from mmseg_wsss.models.feature_extractors.base import Normalise


class Means(FeatureExtractor):
    """The mean colour of every cell, and a layer that has a train mode."""

    channels, stride, size_divisor = 3, 4, 8

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(3)
        self.sizes = []
        self.freeze()

    def forward(self, images):
        self.check_images(images)
        self.sizes.append(tuple(images.shape))
        return F.avg_pool2d(self.norm(images), 4)


def test_stays_frozen_inside_a_model_that_trains():
    model = torch.nn.Sequential(Means(), torch.nn.BatchNorm2d(3)).train()
    assert model[1].training
    assert not any(m.training for m in model[0].modules())
    assert not any(p.requires_grad for p in model[0].parameters())
    before = model[0].norm.running_mean.clone()
    assert not model[0](torch.rand(2, 3, 8, 8)).requires_grad
    assert torch.equal(model[0].norm.running_mean, before)


def test_images_that_do_not_fit_are_refused():
    for shape in ((3, 8, 8), (1, 1, 8, 8), (1, 3, 0, 8)):
        with pytest.raises(ValueError, match=r'images \(N, 3, H, W\)'):
            Means()(torch.zeros(shape))
    with pytest.raises(ValueError, match='multiples of 8, got 8 x 12'):
        Means()(torch.zeros(1, 3, 8, 12))


def test_normalises_in_units_of_0_to_255():
    image = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1) / 255
    out = Normalise((5, 10, 20), (5, 2, 1))(image)
    assert torch.allclose(out.flatten(), torch.tensor([1.0, 5.0, 10.0]))
    assert not Normalise().state_dict()
    for mean, std in (((1, 2), (1, 1)), ((0, 0, 0), (1, 0, 1))):
        with pytest.raises(ValueError, match='three numbers'):
            Normalise(mean, std)


@pytest.mark.parametrize('size', [(16, 24), (17, 30), (5, 3)])
@pytest.mark.parametrize('stride', [2, 4, 5])
def test_grid_and_resizing(size, stride):
    """Every scale sees the whole picture at the next multiples of 8."""
    extractor = Means()
    scales = (1.0, 0.5, 2.0)
    out = dense_features(extractor, torch.rand(2, 3, *size), scales, 1, stride)
    assert out.shape == (2, 3, *(math.ceil(s / stride) for s in size))
    assert out.shape[2:] == feature_grid(size, stride)
    assert extractor.sizes == [
        (4, 3, *(math.ceil(s * scale / 8) * 8 for s in size))
        for scale in scales
    ]


def test_a_plain_picture_has_the_same_features_everywhere():
    """Nothing is padded: no border shows up at any scale."""
    image = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 13, 21)
    out = dense_features(Means(), image, (1.0, 0.5, 1.5), True, 4)
    expected = Means().norm(image)[..., :4, :6]
    assert torch.allclose(out, expected, atol=1e-5)


def test_is_the_mean_of_the_scales():
    image = torch.rand(1, 3, 16, 16)
    one = dense_features(Means(), image, (1.0,), False, 4)
    two = dense_features(Means(), image, (2.0,), False, 4)
    both = dense_features(Means(), image, (1.0, 2.0), False, 4)
    assert torch.allclose(both, (one + two) / 2)
    assert torch.allclose(one, F.avg_pool2d(Means().norm(image), 4))


def test_flip_is_turned_back():
    class Columns(Means):
        """The column's number, so that a mirrored image looks the same."""

        def forward(self, images):
            cells = super().forward(images)
            return torch.arange(cells.shape[3]).expand_as(cells).float()

    image = torch.rand(1, 3, 8, 16)
    plain = dense_features(Columns(), image, flip=False)
    assert plain[0, 0, 0].tolist() == [0, 1, 2, 3]
    # (column + mirrored column) / 2
    assert (dense_features(Columns(), image, flip=True) == 1.5).all()
    # Where features follow the picture, the mirrored one changes nothing.
    both = dense_features(Means(), image, flip=True)
    assert torch.allclose(both, dense_features(Means(), image, flip=False))


def test_settings_out_of_range():
    image = torch.zeros(1, 3, 8, 8)
    for scales in ((), (1.0, 0.0)):
        with pytest.raises(ValueError, match='scales must be positive'):
            dense_features(Means(), image, scales)
    for stride in (0, 2.5):
        with pytest.raises(ValueError, match='stride must be'):
            dense_features(Means(), image, stride=stride)
