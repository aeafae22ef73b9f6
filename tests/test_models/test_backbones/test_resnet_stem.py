import pytest
import torch
from mmseg.models.backbones import ResNet
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_wsss.models.backbones.resnet_stem import StemResNet


@pytest.mark.parametrize(
    'options', [dict(depth=18), dict(depth=50), dict(depth=18, deep_stem=True)]
)
def test_resnet_with_one_more_output(options):
    torch.manual_seed(0)
    plain = ResNet(**options, base_channels=4)
    model = StemResNet(**options, base_channels=4)
    plain.eval(), model.eval()  # which return None
    assert list(model.state_dict()) == list(plain.state_dict())
    model.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 45, 50)
    seen = []
    plain.maxpool.register_forward_hook(lambda m, i, out: seen.append(out))
    with torch.no_grad():
        stages, outs = plain(x), model(x)
    assert len(outs) == 5
    assert outs[0].shape == (1, 64, 12, 13)
    for got, expected in zip(outs, [*seen, *stages], strict=True):
        assert torch.equal(got, expected)


def test_out_indices_count_the_stages():
    model = StemResNet(depth=18, base_channels=4, out_indices=(1, 3))
    shapes = [tuple(x.shape[1:]) for x in model(torch.randn(1, 3, 64, 64))]
    assert shapes == [(64, 16, 16), (8, 8, 8), (32, 2, 2)]


def test_the_whole_network_frozen():
    model = StemResNet(depth=18, base_channels=4, frozen_stages=4)
    model.train()
    assert not any(p.requires_grad for p in model.parameters())
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    assert norms and not any(m.training for m in norms)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    outs = model(torch.randn(2, 3, 32, 32))
    assert not any(x.requires_grad for x in outs)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
