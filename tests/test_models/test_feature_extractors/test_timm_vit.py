"""timm's transformers, with random weights."""

import builtins

import numpy as np
import pytest
import torch

from mmseg_wsss import TimmFeatures, dense_features

DINO = 'vit_small_patch8_224.dino'
REGISTERS = 'vit_small_patch14_reg4_dinov2.lvd142m'
DINO3 = 'vit_small_patch16_dinov3.lvd1689m'


def test_says_how_to_install_timm(monkeypatch):
    real = builtins.__import__

    def without_timm(name, *args, **kwargs):
        if name == 'timm':
            raise ImportError('No module named timm')
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without_timm)
    with pytest.raises(ImportError, match='pip install timm'):
        TimmFeatures(DINO)


@pytest.fixture
def timm():
    return pytest.importorskip('timm')


@pytest.mark.parametrize(
    ('name', 'patch', 'prefix'),
    [(DINO, 8, 1), (REGISTERS, 14, 5), (DINO3, 16, 5)],
)
def test_patch_tokens_on_a_grid(timm, name, patch, prefix):
    extractor = TimmFeatures(name)
    assert (extractor.channels, extractor.stride) == (384, patch)
    images = torch.rand(1, 3, 2 * patch, 3 * patch)
    out = extractor(images)
    assert out.shape == (1, 384, 2, 3)
    tokens = extractor.model.forward_features(extractor.normalise(images))
    assert tokens.shape[1] == prefix + 6
    cells = tokens[0, prefix:].T.view(384, 2, 3)
    assert torch.allclose(out[0], cells, atol=1e-5)
    assert dense_features(extractor, torch.rand(1, 3, 21, 37)).shape[2:] == (
        6,
        10,
    )


def test_normalises_as_timm_says(timm):
    extractor = TimmFeatures('vit_tiny_patch16_224.augreg_in21k')
    assert extractor.normalise.mean.flatten().tolist() == [0.5] * 3
    assert extractor.normalise.std.flatten().tolist() == [0.5] * 3


def test_takes_the_authors_checkpoint(timm, tmp_path):
    """A file whose position embedding is for another image size."""
    model = timm.create_model(DINO, num_classes=0, img_size=64)
    torch.save(model.state_dict(), tmp_path / 'dino.pth')
    extractor = TimmFeatures(DINO, checkpoint=tmp_path / 'dino.pth')
    weight = model.blocks[3].mlp.fc1.weight
    assert torch.equal(extractor.model.blocks[3].mlp.fc1.weight, weight)
    torch.save({'other': torch.zeros(1)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'cannot be loaded from .*other.pth'):
        TimmFeatures(DINO, checkpoint=tmp_path / 'other.pth')
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        TimmFeatures(DINO, checkpoint=tmp_path / 'none.pth')


def test_the_suffix_says_the_format(timm, tmp_path):
    """Also where timm's own weights of the name have another one."""
    name = 'vit_tiny_patch16_224.augreg_in21k'
    model = timm.create_model(name, num_classes=0)
    torch.save(model.state_dict(), tmp_path / 'vit.pth')
    extractor = TimmFeatures(name, checkpoint=tmp_path / 'vit.pth')
    weight = model.blocks[3].mlp.fc1.weight
    assert torch.equal(extractor.model.blocks[3].mlp.fc1.weight, weight)
    np.savez(tmp_path / 'vit.npz', other=np.zeros(1))
    with pytest.raises(ValueError, match=r'npz: .*(embedding|JAX)'):
        TimmFeatures(name, checkpoint=tmp_path / 'vit.npz')


def test_names_that_timm_does_not_have(timm):
    for name in ('vit_small_patch8_224.dinoo', 'no_such_model'):
        with pytest.raises(ValueError, match='has no model'):
            TimmFeatures(name)
    with pytest.raises(ValueError, match='is no vision transformer'):
        TimmFeatures('resnet18')
