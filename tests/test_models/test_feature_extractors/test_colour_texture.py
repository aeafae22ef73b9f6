"""Colour and texture without weights."""

import torch
import torch.nn.functional as F

from mmseg_wsss import ColourTextureFeatures, dense_features
from mmseg_wsss.models.feature_extractors import colour_texture
from mmseg_wsss.models.feature_extractors.colour_texture import rgb_to_lab


def plain(colour, size=32):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, size, size)


def middle(image):
    """The vector of a cell in the middle."""
    out = ColourTextureFeatures()(image)
    return out[0, :, out.shape[2] // 2, out.shape[3] // 2]


def stripes(direction, contrast=0.2, size=32):
    row = (torch.arange(size) // 4 % 2).float() * contrast + 0.4
    image = row.expand(1, 3, size, size)
    return image if direction == 'upright' else image.transpose(2, 3)


def test_lab_of_known_colours():
    """White, black, red, green and blue of sRGB, after Lindbloom."""
    colours = torch.eye(3)
    rows = torch.cat([torch.ones(1, 3), torch.zeros(1, 3), colours])
    lab = rgb_to_lab(rows.T.reshape(1, 3, 1, 5))[0, :, 0].T
    expected = torch.tensor(
        [
            [100.0, 0.0, 0.0],
            [0.0, 0.0, 0.0],
            [53.24, 80.09, 67.20],
            [87.73, -86.18, 83.18],
            [32.30, 79.19, -107.86],
        ]
    )
    assert torch.allclose(lab, expected, atol=0.05)


def test_shape_and_range():
    images = torch.rand(2, 3, 32, 48)
    out = ColourTextureFeatures()(images)
    assert out.shape == (2, 69, 8, 12) and out.dtype == torch.float32
    assert (out >= 0).all()
    assert torch.allclose(out.norm(dim=1), torch.ones(2, 8, 12), atol=1e-5)
    assert torch.equal(out, ColourTextureFeatures()(images))
    alone = ColourTextureFeatures()(images[1:])
    assert torch.allclose(out[1:], alone, atol=1e-6)
    assert dense_features(
        ColourTextureFeatures(), images[:, :, :30, :45], (1.0, 0.5)
    ).shape == (2, 69, 8, 12)


def test_materials_are_near_orthogonal():
    """Other colours are near 0, the same in other light is near 1."""
    red = middle(plain([0.8, 0.1, 0.1]))
    blue = middle(plain([0.1, 0.2, 0.8]))
    green = middle(plain([0.1, 0.6, 0.2]))
    # Both are flat: a texture weight of 0.1 in common.
    assert red @ blue < 0.15 and red @ green < 0.15 and blue @ green < 0.15
    assert red @ middle(plain([0.82, 0.12, 0.11])) > 0.9
    noise = torch.randn(1, 3, 32, 32, generator=torch.manual_seed(0)) * 0.01
    assert red @ middle(plain([0.8, 0.1, 0.1]) + noise) > 0.8


def test_texture_tells_direction_and_strength(monkeypatch):
    monkeypatch.setattr(colour_texture, 'TEXTURE_SHARE', 1.0)
    flat = middle(plain([0.5] * 3))
    upright = middle(stripes('upright'))
    level = middle(stripes('level'))
    weak = middle(stripes('upright', 0.02))
    assert flat @ upright < 0.1 and upright @ level < 0.1
    assert upright @ weak < 0.5
    assert upright @ middle(stripes('upright', 0.21)) > 0.95


def test_mirrored_image_has_mirrored_colours(monkeypatch):
    image = torch.rand(1, 3, 16, 24)
    monkeypatch.setattr(colour_texture, 'TEXTURE_SHARE', 0.0)
    extractor = ColourTextureFeatures()
    flipped = extractor(image.flip(-1)).flip(-1)
    assert torch.allclose(extractor(image), flipped, atol=1e-5)


def test_colour_shares_against_a_loop(monkeypatch):
    """One cell, no window: the mean of every pixel's softmax."""
    image = torch.rand(1, 3, 4, 4)
    monkeypatch.setattr(colour_texture, 'COLOUR_WINDOW', 0)
    monkeypatch.setattr(colour_texture, 'TEXTURE_SHARE', 0.0)
    extractor = ColourTextureFeatures()
    lab = rgb_to_lab(image)[0].flatten(1).T
    total = torch.zeros(53)
    for pixel in lab:
        distance = (pixel - extractor.anchors).square().sum(1)
        total += torch.softmax(-distance / (2 * 5.0**2), 0)
    out = extractor(image)[0, :53, 0, 0]
    assert torch.allclose(out, F.normalize(total, dim=0), atol=1e-4)


def test_computes_in_full_precision_under_autocast():
    image = torch.rand(1, 3, 16, 16)
    extractor = ColourTextureFeatures()
    with torch.autocast('cpu', torch.bfloat16):
        half = extractor(image)
    assert torch.equal(half, extractor(image))
