"""Pixel-adaptive refinement: a local refiner for use while training.

PAMR of Araslanov and Roth, "Single-Stage Semantic Segmentation from Image
Labels", CVPR 2020, https://arxiv.org/abs/2005.08104, Sec. 3.3. It runs on
batches and on the GPU, where a DenseCRF takes one image at a time on the CPU.
It is another method, not a substitute: it moves scores towards edges over some
tens of pixels only.

``PAR`` is its variant of AFA (CVPR 2022, https://arxiv.org/abs/2203.02664),
with the 20 iterations of WeCLIP.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-8
DILATIONS = (1, 2, 4, 8, 12, 24)  # distances of the neighbours in pixels
PAR = dict(
    iterations=20,
    temperature=0.3,
    power=2,
    count_self=False,
    position_weight=0.01,
)
NEIGHBOURS = [
    (dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)
]


@torch.no_grad()
def pixel_adaptive_refine(
    scores: Tensor,
    images: Tensor,
    iterations: int = 10,
    temperature: float = 0.1,
    power: int = 1,
    count_self: bool = True,
    position_weight: float = 0.0,
) -> Tensor:
    """Compute scores averaged over neighbours of the same colour, repeatedly.

    The neighbourhood of a pixel i is its 8 neighbours at each of D dilations,
    the border repeated. The weight of its neighbour j is::

        softmax over j of -mean over c of (|x_ic - x_jc| / (t std_c + 1e-8))^p

    with std_c the standard deviation (divided by the number less 1) of
    channel c over the neighbours and i, which counts once per dilation as in
    the authors' code. PAR leaves i out and adds a share of a softmax of
    -(d_ij / (t std_d))^p of the distances d. The weights are computed once,
    from the image; each iteration replaces the scores of a pixel by the
    weighted mean of its neighbours'. Weights are kept, (N, 8 D, H, W) of
    them, and neighbours are views of a padded map, never unfolded.

    A change of the images' unit changes nothing, as the colours are divided
    by their deviation. No gradient flows.

    Args:
        scores: Scores (N, K, H, W), float; of any range.
        images: RGB images (N, 3, h, w), float, in [0, 1], on the same device.
            Another size is resized bilinearly to (H, W).
        iterations: How often; 0 leaves the scores alone.
        temperature: t. Smaller values ask for more similar colours.
        power: p; PAMR has 1, PAR 2.
        count_self: Count the pixel in std_c; PAR does not.
        position_weight: Weight of the distances' softmax, at least 0.

    Returns:
        Tensor: Refined scores (N, K, H, W), float32. They stay within the
        range of the scores, and sum to 1 over K if those did.

    Raises:
        ValueError: If a shape, a dtype or an option is wrong.

    Examples:
        >>> scores = torch.zeros(1, 2, 4, 4)
        >>> image = torch.rand(1, 3, 4, 4)
        >>> refined = pixel_adaptive_refine(scores, image)
        >>> torch.allclose(refined, scores)
        True
    """
    _check(scores, images, iterations, temperature)
    if power not in (1, 2) or not position_weight >= 0:
        raise ValueError(
            'power must be 1 or 2 and position_weight at least 0, got '
            f'{power} and {position_weight}'
        )
    refined, images = scores.float(), images.float()
    if not scores.numel() or not iterations:
        return refined.clone()
    if images.shape[2:] != scores.shape[2:]:
        images = F.interpolate(
            images, scores.shape[2:], mode='bilinear', align_corners=False
        )
    weights = neighbour_weights(
        images, temperature, power, count_self, position_weight
    )
    for _ in range(iterations):
        total = torch.zeros_like(refined)
        neighbours = _shifted(refined)
        for index, neighbour in enumerate(neighbours):
            total.addcmul_(neighbour, weights[:, index : index + 1])
        refined = total
    # A mean of scores, but for rounding.
    scores = scores.float()
    lowest = scores.amin((2, 3), keepdim=True)
    highest = scores.amax((2, 3), keepdim=True)
    return torch.minimum(torch.maximum(refined, lowest), highest)


@torch.no_grad()
def neighbour_weights(
    images: Tensor,
    temperature: float,
    power: int = 1,
    count_self: bool = True,
    position_weight: float = 0.0,
) -> Tensor:
    """Compute the weights of :func:`pixel_adaptive_refine`.

    Args:
        images: Images (N, C, H, W), float32.
        temperature: Factor of the standard deviation.
        power: As for :func:`pixel_adaptive_refine`, and so are the others.
        count_self: Count the pixel in the standard deviation.
        position_weight: Weight of the distances' softmax.

    Returns:
        Tensor: Weights (N, 8 D, H, W), float32, which sum to 1 over the
        neighbours: dilation by dilation, row by row.
    """
    # Moments of the differences, not of the colours: exact where all are
    # equal, and no set of neighbours is ever stored.
    neighbours = len(NEIGHBOURS) * len(DILATIONS)
    # The pixel's own difference is 0: it adds to the number only.
    count = neighbours + count_self * len(DILATIONS)
    mean, square = torch.zeros_like(images), torch.zeros_like(images)
    for neighbour in _shifted(images):
        difference = neighbour - images
        mean += difference
        square.addcmul_(difference, difference)
    mean /= count
    variance = square.addcmul_(mean, mean, value=-count) / (count - 1)
    deviation = variance.clamp_(min=0).sqrt_()
    scale = 1 / (temperature * deviation + EPS)
    logits = images.new_empty(len(images), neighbours, *images.shape[2:])
    for index, neighbour in enumerate(_shifted(images)):
        distance = (neighbour - images).abs_().mul_(scale)
        if power == 2:
            distance.square_()
        torch.mean(distance, 1, out=logits[:, index])
    weights = logits.neg_().softmax(1)
    if position_weight:
        near = position_shares(temperature, power).to(weights)
        weights += position_weight * near[:, None, None]
        weights /= 1 + position_weight  # they sum to 1 again
    return weights


def position_shares(temperature: float, power: int) -> Tensor:
    """Compute the softmax of a neighbourhood's distances.

    Args:
        temperature: Factor of their standard deviation.
        power: Exponent of a distance.

    Returns:
        Tensor: Shares (8 D,), float32, in the order of
        :func:`neighbour_weights`.
    """
    distances = torch.tensor(
        [
            d * (dy**2 + dx**2) ** 0.5
            for d in DILATIONS
            for dy, dx in NEIGHBOURS
        ]
    )
    scaled = distances / (temperature * distances.std() + EPS)
    return (-(scaled**power)).softmax(0)


def _shifted(maps: Tensor) -> Iterator[Tensor]:
    """Yield maps (N, C, H, W) as each neighbour of a pixel sees them."""
    height, width = maps.shape[2:]
    border = max(DILATIONS)
    padded = F.pad(maps, (border,) * 4, mode='replicate')
    for dilation in DILATIONS:
        for dy, dx in NEIGHBOURS:
            top, left = border + dy * dilation, border + dx * dilation
            yield padded[:, :, top : top + height, left : left + width]


def _check(scores, images, iterations, temperature) -> None:
    for name, value in (('scores', scores), ('images', images)):
        if value.ndim != 4 or not value.is_floating_point():
            raise ValueError(
                f'{name} must be a float batch (N, channels, height, width), '
                f'got {value.dtype} {tuple(value.shape)}'
            )
    if images.shape[1] != 3 or len(images) != len(scores):
        raise ValueError(
            f'images must be ({len(scores)}, 3, h, w), RGB, one for each of '
            f'the scores {tuple(scores.shape)}, got {tuple(images.shape)}'
        )
    if not images.numel() and scores.numel():
        raise ValueError(f'images are empty: {tuple(images.shape)}')
    if iterations < 0:
        raise ValueError(f'iterations must be at least 0, got {iterations}')
    if not temperature > 0:
        raise ValueError(f'temperature must be above 0, got {temperature}')
