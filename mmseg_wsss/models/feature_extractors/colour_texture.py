"""Dense features of colour and texture that need no weights."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from .base import FeatureExtractor

STRIDE = 4
# Standard deviation of a pixel's shares, in units of L*a*b* (2.3 is a just
# noticeable difference).
SIGMA = 5.0
TEXTURE_SHARE = 0.1  # part of texture in a cosine
# Rows: X, Y, Z of linear sRGB, divided by the white point D65.
RGB_TO_XYZ = (
    (0.433953, 0.376219, 0.189828),
    (0.212673, 0.715152, 0.072175),
    (0.017758, 0.109477, 0.872766),
)
GREYS = (8.0, 30.0, 52.0, 73.0, 95.0)
LIGHTS = (40.0, 70.0)
CHROMAS = (20.0, 40.0, 70.0)
HUES = 8
# Contrasts, in units of L* per pixel: weak, medium, strong.
LEVELS = (1.0, 3.0, 9.0)
DIRECTIONS = 4
# Standard deviations of the Gaussians that average a cell with its
# surroundings, in cells.
COLOUR_WINDOW, TEXTURE_WINDOW = 0.7, 2.0


@MODELS.register_module()
class ColourTextureFeatures(FeatureExtractor):
    """Local histograms of colour and texture, 69 channels.

    MARS takes features of self-supervised networks. These stand in for them
    where there are no weights, and are enough where objects differ from what
    is around them in colour; they know materials, not classes.

    Each cell's vector has unit length and no negative entry, so that the
    cosine of two cells is near 1 for one material and near 0 for two:

    * Colour, 53 channels: every pixel is shared softly between anchors in
      CIE L*a*b* (5 greys; 8 hues, 3 chromas, 2 lightnesses), by a Gaussian of
      the distance. Their shares are averaged over the cell and its near
      surroundings and brought to unit length.
    * Texture, 16 channels: the structure tensor of L* (after a Gaussian of 1
      pixel) gives contrast, anisotropy and direction. They share the cell
      softly between flat, and weak, medium or strong texture that is
      isotropic or has one of 4 directions; brought to unit length too.

    Averaging with the mirrored image mixes the two diagonal directions and
    changes nothing else: ``flip=False`` is the setting for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stride = self.size_divisor = STRIDE
        anchors = colour_anchors()
        self.register_buffer('anchors', anchors, persistent=False)
        self.channels = len(anchors) + 1 + len(LEVELS) * (1 + DIRECTIONS)
        self.freeze()

    def forward(self, images: Tensor) -> Tensor:
        """Compute the features.

        Args:
            images: Images (N, 3, H, W), RGB, float32 in [0, 1], sides
                multiples of 4.

        Returns:
            Tensor: Features (N, 69, H / 4, W / 4), float32, of unit length
            along the channels.
        """
        self.check_images(images)
        with torch.autocast(images.device.type, enabled=False):
            lab = rgb_to_lab(images.float())
            colour = F.normalize(self._colour(lab), dim=1)
            texture = F.normalize(self._texture(lab[:, :1]), dim=1)
            colour = colour * (1 - TEXTURE_SHARE) ** 0.5
            return torch.cat([colour, texture * TEXTURE_SHARE**0.5], 1)

    def _colour(self, lab: Tensor) -> Tensor:
        """Average the pixels' shares of the anchors: (N, 53, h, w)."""
        # |pixel - anchor|^2 up to what all anchors have in common.
        near = torch.einsum('nchw,kc->nkhw', lab, self.anchors)
        near = near - self.anchors.square().sum(1).view(-1, 1, 1) / 2
        shares = (near / SIGMA**2).softmax(1)
        shares = F.avg_pool2d(shares, STRIDE)
        return gaussian_blur(shares, COLOUR_WINDOW)

    def _texture(self, light: Tensor) -> Tensor:
        """Share each cell between kinds of texture: (N, 16, h, w)."""
        light = F.pad(gaussian_blur(light, 1.0), (1, 1, 1, 1), 'replicate')
        dx = (light[..., 1:-1, 2:] - light[..., 1:-1, :-2]) / 2
        dy = (light[..., 2:, 1:-1] - light[..., :-2, 1:-1]) / 2
        tensor = torch.cat([dx * dx, dy * dy, dx * dy], 1)
        tensor = F.avg_pool2d(tensor, STRIDE)
        xx, yy, xy = gaussian_blur(tensor, TEXTURE_WINDOW).split(1, 1)
        trace = (xx + yy).clamp(min=1e-8)
        difference = ((xx - yy).square() + 4 * xy.square()).sqrt()
        directed = (difference / trace).clamp(max=1)
        turn = torch.atan2(2 * xy, xx - yy) / (2 * math.pi) * DIRECTIONS
        shape = torch.cat(
            [1 - directed, directed * _shares(turn, DIRECTIONS, cyclic=True)],
            1,
        )
        step = math.log(LEVELS[1] / LEVELS[0])
        level = (trace.sqrt() / LEVELS[0]).log() / step + 1
        level = level.clamp(0, len(LEVELS))
        flat, *levels = _shares(level, len(LEVELS) + 1).split(1, 1)
        return torch.cat([flat, *(part * shape for part in levels)], 1)


def colour_anchors() -> Tensor:
    """List the colours that pixels are compared with: (53, 3), L*a*b*."""
    anchors = [(light, 0.0, 0.0) for light in GREYS]
    for light in LIGHTS:
        for ring, chroma in enumerate(CHROMAS):
            for k in range(HUES):
                # Rings are turned against each other by half a step.
                angle = 2 * math.pi * (k + ring / 2) / HUES
                anchors.append(
                    (
                        light,
                        chroma * math.cos(angle),
                        chroma * math.sin(angle),
                    )
                )
    return torch.tensor(anchors)


def rgb_to_lab(images: Tensor) -> Tensor:
    """Convert sRGB to CIE L*a*b* (white point D65).

    Args:
        images: Images (N, 3, H, W), RGB in [0, 1]; values outside are
            clipped.

    Returns:
        Tensor: (N, 3, H, W); L* in [0, 100], a* and b* about -110 to 100.
    """
    images = images.clamp(0, 1)
    linear = torch.where(
        images > 0.04045, ((images + 0.055) / 1.055) ** 2.4, images / 12.92
    )
    matrix = images.new_tensor(RGB_TO_XYZ)
    xyz = torch.einsum('nchw,kc->nkhw', linear, matrix)
    root = torch.where(
        xyz > 216 / 24389,
        xyz.clamp(min=1e-6) ** (1 / 3),
        (24389 / 27 * xyz + 16) / 116,
    )
    x, y, z = root.split(1, 1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def gaussian_blur(maps: Tensor, sigma: float) -> Tensor:
    """Average maps (N, C, H, W) with a Gaussian; borders are repeated."""
    if sigma == 0:
        return maps
    radius = math.ceil(2.5 * sigma)
    at = torch.arange(-radius, radius + 1, device=maps.device)
    kernel = torch.exp(-(at**2) / (2 * sigma**2)).to(maps.dtype)
    kernel = kernel / kernel.sum()
    channels = maps.shape[1]
    maps = F.pad(maps, (radius,) * 4, 'replicate')
    for shape in ((1, 1, 1, -1), (1, 1, -1, 1)):
        weight = kernel.view(shape).expand(channels, -1, -1, -1)
        maps = F.conv2d(maps, weight, groups=channels)
    return maps


def _shares(position: Tensor, count: int, cyclic: bool = False) -> Tensor:
    """Share positions (N, 1, h, w) between their two nearest of count bins.

    Bin k is at k; with ``cyclic`` the bin after the last is the first.
    """
    bins = torch.arange(count, device=position.device).view(-1, 1, 1)
    apart = position - bins
    if cyclic:
        apart = (apart + count / 2).remainder(count) - count / 2
    return (1 - apart.abs()).clamp(min=0)
