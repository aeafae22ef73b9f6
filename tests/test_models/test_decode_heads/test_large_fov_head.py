"""LargeFOVHead: the three public variants, shapes, field of view, loss."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch import nn

pytest.importorskip('mmseg.models', exc_type=ImportError)

from mmseg.models.segmentors import EncoderDecoder
from mmseg.structures import SegDataSample

from mmseg_wsss.models.backbones.resnet38 import ResNet38
from mmseg_wsss.models.decode_heads.large_fov_head import LargeFOVHead

CONFIG = (
    Path(__file__).parents[3] / 'configs/_base_/models/deeplab-largefov_r38.py'
)


def head(**kwargs):
    torch.manual_seed(0)
    options = {'in_channels': 8, 'channels': 6, 'num_classes': 5, **kwargs}
    model = LargeFOVHead(**options)
    model.init_weights()
    return model


def convs(model):
    """Kernel, dilation, padding, in, out, bias of every convolution."""
    found = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    found.sort(key=lambda m: m is model.conv_seg)
    return [
        (
            m.kernel_size[0],
            m.dilation[0],
            m.padding[0],
            m.in_channels,
            m.out_channels,
            m.bias is not None,
        )
        for m in found
    ]


def test_default_is_deeplab_v1():
    with torch.device('meta'):
        model = LargeFOVHead(num_classes=21)
    assert convs(model) == [
        (3, 12, 12, 4096, 512, True),
        (1, 1, 0, 512, 512, True),
        (1, 1, 0, 512, 21, True),
    ]
    assert model.dropout.p == 0.5
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())


def test_seam_variant():
    with torch.device('meta'):
        model = LargeFOVHead(
            num_classes=21, norm_cfg={'type': 'BN'}, align_corners=True
        )
    assert convs(model) == [
        (3, 12, 12, 4096, 512, False),
        (1, 1, 0, 512, 512, False),
        (1, 1, 0, 512, 21, True),
    ]
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert [m.num_features for m in norms] == [512, 512]
    assert model.align_corners


def test_mctformer_variant():
    with torch.device('meta'):
        model = LargeFOVHead(
            num_classes=21, num_convs=1, dilated_classifier=True
        )
    assert convs(model) == [
        (3, 12, 12, 4096, 512, True),
        (3, 12, 12, 512, 21, True),
    ]


@pytest.mark.parametrize(
    ('options', 'taps'),
    [({}, 9), ({'num_convs': 1, 'dilated_classifier': True}, 25)],
)
def test_field_of_view(options, taps):
    """The centre sees 3x3 (5x5) cells, 12 apart, and nothing between."""
    model = head(**options).eval()
    x = torch.randn(1, 8, 65, 65, requires_grad=True)
    out = model((x,))
    assert out.shape == (1, 5, 65, 65)
    out[0, :, 32, 32].sum().backward()
    seen = x.grad.abs().sum((0, 1)).nonzero()
    assert len(seen) == taps
    assert ((seen - 32) % 12 == 0).all()


def test_in_index_selects_and_relu_hides_negatives():
    model = head(in_index=1).eval()
    used, unused = torch.randn(2, 8, 9, 9), torch.randn(2, 3, 9, 9)
    hidden = model.convs(used)
    assert hidden.min() >= 0
    torch.testing.assert_close(model([unused, used]), model.conv_seg(hidden))


def samples(labels):
    out = []
    for label in labels:
        sample = SegDataSample(metainfo={'img_shape': tuple(label.shape[-2:])})
        sample.gt_sem_seg = PixelData(data=label)
        out.append(sample)
    return out


def test_loss_reaches_every_parameter():
    model = head(norm_cfg={'type': 'BN'}).train()
    labels = torch.randint(0, 5, (2, 1, 32, 32))
    x = torch.randn(2, 8, 4, 4)
    losses = model.loss((x,), samples(labels), None)
    losses['loss_ce'].backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        assert p.grad.isfinite().all(), name


@pytest.mark.parametrize('name', ['num_convs', 'dilation'])
@pytest.mark.parametrize('value', [0, -1, 1.5])
def test_bad_options(name, value):
    with pytest.raises(ValueError, match=f'{name} must be a positive int'):
        head(**{name: value})


def test_base_config_takes_a_step_at_reduced_width():
    model = Config.fromfile(CONFIG).model
    assert model.backbone.type == 'mmseg_wsss.ResNet38'
    assert model.decode_head.type == 'mmseg_wsss.LargeFOVHead'
    model.backbone.update(type=ResNet38, base_channels=4)
    model.decode_head.update(type=LargeFOVHead, in_channels=256, channels=8)
    model.data_preprocessor.size = (48, 48)
    assert model.pop('type') == 'EncoderDecoder'
    with DefaultScope.overwrite_default_scope('mmseg'):
        net = EncoderDecoder(**model)
    net.init_weights()
    net.train()
    assert not net.backbone.bn7.training
    label = torch.randint(0, 21, (1, 40, 48))
    image = torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8)
    batch = {'inputs': [image], 'data_samples': samples([label])}
    data = net.data_preprocessor(batch, training=True)
    assert data['inputs'].shape == (1, 3, 48, 48)
    padded = data['data_samples'][0].gt_sem_seg.data
    assert (padded[:, 40:] == 255).all()
    losses = net(**data, mode='loss')
    losses['decode.loss_ce'].backward()
    assert net.backbone.conv1a.weight.grad.abs().sum() > 0
    net.eval()
    with torch.no_grad():
        result = net(torch.randn(1, 3, 40, 56), mode='tensor')
    assert result.shape == (1, 21, 5, 7)
