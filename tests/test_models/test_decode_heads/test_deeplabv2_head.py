"""DeepLabV2Head: shapes, the sum of its classifiers, errors."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_wsss import DeepLabV2Head


def head(**options):
    torch.manual_seed(0)
    options = {'in_channels': 6, 'num_classes': 5, **options}
    model = DeepLabV2Head(**options)
    model.init_weights()
    return model.eval()


def test_logits_are_the_sum_of_dilated_classifiers():
    model = head(dilations=(1, 3))
    features = torch.randn(2, 6, 9, 11)
    expected = sum(
        F.conv2d(features, c.weight, c.bias, padding=d, dilation=d)
        for c, d in zip(model.classifiers, (1, 3), strict=True)
    )
    found = model((features,))
    assert found.shape == (2, 5, 9, 11)
    torch.testing.assert_close(found, expected)


def test_default_is_the_paper_s():
    model = head()
    assert [c.dilation[0] for c in model.classifiers] == [6, 12, 18, 24]
    assert not hasattr(model, 'conv_seg') and model.dropout is None
    for classifier in model.classifiers:
        assert 0.005 < classifier.weight.std() < 0.02
        assert (classifier.bias == 0).all()
    convs = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 4


def test_training_step():
    model = head(dilations=(2,)).train()
    logits = model((torch.randn(1, 6, 4, 4),))
    logits.sum().backward()
    assert model.classifiers[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize('dilations', [(), (0,), (1.5,)])
def test_wrong_dilations(dilations):
    with pytest.raises(ValueError, match='dilations must be positive ints'):
        head(dilations=dilations)
