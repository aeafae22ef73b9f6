"""STEGO: a code whose correlations follow those of frozen features.

Hamilton, Zhang, Hariharan, Snavely and Freeman, "Unsupervised Semantic
Segmentation by Distilling Feature Correspondences", ICLR 2022,
https://arxiv.org/abs/2203.08414. For two images with features f, g (frozen)
and codes s, t of a small head, at points p and q::

    (1) F_pq  = cos(f_p, g_q)                 feature correlation
        S_pq  = cos(s_p, t_q)                 code correlation
    (2) F'_pq = F_pq - mean_q F_pq + mean F   spatial centering
    (3) L     = - mean_pq (F'_pq - b) max(S_pq, 0)
    (4) total = w_self L(x, x) + w_knn L(x, x_knn) + w_random L(x, x_random)

Centering prevents a point that is similar to all others from dominating;
clamping at zero ignores negative code correlations. The mean of F over the
batch (of each rank) is added back, as in the published code, whose active
weights and shifts b are the defaults. They belong to DINO's ViT-S/8: a shift
has to lie within the range of F, whose means are logged as ``corr_*``.

Differences from the code: random partners follow one random cycle through the
batch, so that no image is its own partner or is drawn twice, and F is computed
from the features before the head's dropout.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import at_least_float32

TERMS = ('self', 'knn', 'random')
WEIGHTS = {'self': 0.67, 'knn': 0.25, 'random': 0.63}
SHIFTS = {'self': 0.18, 'knn': 0.12, 'random': 0.46}
GRID = 11  # 11 x 11 points per image
DRAWS = 5  # random partners per image


def random_points(
    count: int, like: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Draw points uniformly in each image.

    Args:
        count: Number of images N.
        like: Tensor whose device and dtype the points get.
        generator: Random generator; None uses the global one of the device.

    Returns:
        Tensor: (N, 11, 11, 2), x and y in [-1, 1).
    """
    device = like.device if generator is None else generator.device
    drawn = torch.rand(
        count, GRID, GRID, 2, generator=generator, device=device
    )
    return drawn.to(like) * 2 - 1


def sample_points(maps: Tensor, points: Tensor) -> Tensor:
    """Sample maps at points bilinearly.

    Args:
        maps: (N, D, h, w); -1 and 1 are the centres of the outermost cells.
        points: (N, a, b, 2), x and y in [-1, 1].

    Returns:
        Tensor: (N, D, a * b).
    """
    return F.grid_sample(
        maps, points, padding_mode='border', align_corners=True
    ).flatten(2)


def cyclic_order(
    count: int, device=None, generator: torch.Generator | None = None
) -> Tensor:
    """Draw a permutation of one cycle, which has no fixed points.

    All other images are equally likely as an image's partner.

    Args:
        count: Number of images N, at least 2.
        device: Device of the result.
        generator: Random generator; None uses the CPU's global one.

    Returns:
        Tensor: (N,), int64.

    Raises:
        ValueError: If there are fewer than two images.
    """
    if count < 2:
        raise ValueError(
            f'a partner needs a batch of at least two images, got {count}'
        )
    drawn_on = None if generator is None else generator.device
    order = torch.randperm(count, generator=generator, device=drawn_on)
    partners = torch.empty_like(order)
    partners[order] = order.roll(1)
    return partners.to(device, non_blocking=True)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Compute the cosine of all points of one map with all of another.

    Args:
        a: (N, D, P).
        b: (N, D, Q).

    Returns:
        Tensor: (N, P, Q) in [-1, 1]; 0 for zero vectors.
    """
    return F.normalize(a, dim=1).transpose(1, 2) @ F.normalize(b, dim=1)


def center_correlation(f: Tensor) -> Tensor:
    """Compute the spatially centered F' (N, P, Q) of F (N, P, Q).

    Each row of F' has the mean of F.
    """
    return f - f.mean(2, keepdim=True) + f.mean()  # (2)


def correspondence_loss(
    features_a: Tensor,
    features_b: Tensor,
    code_a: Tensor,
    code_b: Tensor,
    shift: float,
) -> Tensor:
    """Compute the loss of each pair of images.

    Args:
        features_a: Features (N, D, P) at P points; no gradient flows to them.
        features_b: Features (N, D, Q) of the other image; no gradient.
        code_a: Code (N, K, P) at the points of ``features_a``.
        code_b: Code (N, K, Q) at the points of ``features_b``.
        shift: b.

    Returns:
        Tensor: (N,), of either sign.

    Raises:
        ValueError: If shapes do not fit.

    Examples:
        >>> same = torch.eye(2)[None]
        >>> correspondence_loss(same, same, same, same, shift=0.2)
        tensor([-0.4000])
    """
    maps = (features_a, features_b, code_a, code_b)
    sizes = [(len(m), m.shape[-1]) for m in maps]
    if (
        any(m.ndim != 3 for m in maps)
        or sizes[:2] != sizes[2:]
        or sizes[0][0] != sizes[1][0]
        or features_a.shape[1] != features_b.shape[1]
        or code_a.shape[1] != code_b.shape[1]
    ):
        raise ValueError(
            'expected features (N, D, P), (N, D, Q) and codes (N, K, P), '
            f'(N, K, Q), got {[tuple(m.shape) for m in maps]}'
        )
    target = correlation(features_a.detach(), features_b.detach())  # (1)
    target = center_correlation(target)
    similarity = correlation(code_a, code_b).clamp(min=0)
    return -((target - shift) * similarity).mean((1, 2))  # (3)


def _mean_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Compute the mean of :func:`correlation` without its matrix."""
    mean_a, mean_b = (F.normalize(m, dim=1).mean(2) for m in (a, b))
    return (mean_a * mean_b).sum(1).mean()


@MODELS.register_module()
class STEGOLoss(nn.Module):
    """The three correspondence losses of a batch of image pairs.

    Each image is sampled at the same 11 x 11 random points in all terms; its
    neighbour and its five random partners at a second set.

    Args:
        weights (Mapping[str, float]): Weights of the terms 'self', 'knn' and
            'random'. Defaults to .67, .25 and .63.
        shifts (Mapping[str, float]): b of the terms. Defaults to .18, .12
            and .46.

    Raises:
        ValueError: If a term is missing or unknown.

    Examples:
        >>> features, code = torch.rand(4, 8, 7, 7), torch.rand(4, 3, 7, 7)
        >>> terms = STEGOLoss()(features, features, code, code)
        >>> terms['loss_self'].shape
        torch.Size([4])
    """

    def __init__(
        self,
        weights: Mapping[str, float] = WEIGHTS,
        shifts: Mapping[str, float] = SHIFTS,
    ):
        super().__init__()
        for name, values in (('weights', weights), ('shifts', shifts)):
            if set(values) != set(TERMS):
                raise ValueError(
                    f'{name} has a value for each of {TERMS}, got '
                    f'{dict(values)}'
                )
        self.weights = dict(weights)
        self.shifts = dict(shifts)

    def forward(
        self,
        features: Tensor,
        neighbour_features: Tensor,
        code: Tensor,
        neighbour_code: Tensor,
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        """Compute the terms of each image.

        Args:
            features: Frozen features (N, D, h, w), any float dtype; computed
                in float32 at least. No gradient flows to them.
            neighbour_features: Of each image's neighbour (N, D, h, w).
            code: The head's code (N, K, h, w).
            neighbour_code: Of the neighbours (N, K, h, w).
            generator: Random generator of points and partners; None uses the
                global one.

        Returns:
            dict[str, Tensor]: ``loss_self``, ``loss_knn``, ``loss_random``
            (N,), weighted, and the mean feature correlations ``corr_*`` for
            the log. The random terms of a single image are 0.
        """
        with torch.autocast(code.device.type, enabled=False):
            image = [at_least_float32(m) for m in (features.detach(), code)]
            neighbour = [
                at_least_float32(m)
                for m in (neighbour_features.detach(), neighbour_code)
            ]
            n = len(code)
            own = random_points(n, image[1], generator)
            other = random_points(n, image[1], generator)
            orders = [
                cyclic_order(n, code.device, generator)
                for _ in range(DRAWS if n > 1 else 0)
            ]
            f, s = (sample_points(m, own) for m in image)
            partners = {
                'self': [(f, s)],
                'knn': [[sample_points(m, other) for m in neighbour]],
                'random': [
                    [sample_points(m[order], other) for m in image]
                    for order in orders
                ],
            }
            out = {}
            for name, pairs in partners.items():
                shift, count = self.shifts[name], len(pairs)
                loss, mean = 0 * s.sum((1, 2)), f.new_zeros(())
                for g, t in pairs:
                    loss = (
                        loss + correspondence_loss(f, g, s, t, shift) / count
                    )
                    mean = mean + _mean_correlation(f, g) / count
                out[f'loss_{name}'] = self.weights[name] * loss  # (4)
                out[f'corr_{name}'] = mean
        return out
