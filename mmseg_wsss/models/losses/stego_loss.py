"""STEGO: a code whose similarities follow those of frozen features.

Hamilton, Zhang, Hariharan, Snavely, Freeman, "Unsupervised Semantic
Segmentation by Distilling Feature Correspondences", ICLR 2022.

For two images with features f, g (frozen) and codes s, t of a small head::

    F_pq = cos(f_p, g_q)        feature correlation of points p and q
    S_pq = cos(s_p, t_q)        code correlation
    L = -mean over p, q of max(S_pq, 0) (F'_pq - b)

where F' is F after spatial centring: the mean over q is taken from each row
p, so that a point which resembles everything does not pull at everything.
Points that are more alike than the shift b are drawn together, others pushed
apart, until their codes are orthogonal: the zero clamp takes no interest in
S < 0. The total is::

    w_self L(x, x) + w_knn L(x, neighbour of x) + w_random L(x, another image)

What the published code does, and so does this:

* The mean of F over all pairs of points of the batch is added back after the
  centring; otherwise F' would have mean 0 and the three shifts another
  meaning. Under data-parallel training that is the batch of each rank.
* 11 x 11 random points per image, each uniform in the whole map, read
  bilinearly (border padding, align_corners). The image has the same points in
  all three terms; neighbour and random images are read at a second set.
* Five draws of random images per step.
* The default weights and shifts are those that its configuration has active.
  They belong to DINO's ViT-S/8; the right shifts depend on the features and
  on the data, and none are published for VOC or COCO. A shift has to lie
  within the values that F takes: ``corr_*`` in the log shows their means.

What we chose:

* Random images come from a random cyclic order of the batch: none is its own
  partner, and each is drawn once. The code adds 1 to the places where a
  permutation has fixed points, after which some images occur twice.
* F is that of the features as they are. In the code they have passed the
  head's dropout.
* Random images may show the same class as the image; as in the code, nothing
  is done about that.
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


def random_points(
    count: int,
    grid: int,
    like: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw points, uniform in each image.

    Args:
        count: Number of images N.
        grid: grid x grid points per image.
        like: Gives device and dtype.
        generator: Draws on its own device; None takes the global one.

    Returns:
        Tensor: (N, grid, grid, 2), x and y in [-1, 1).
    """
    device = like.device if generator is None else generator.device
    drawn = torch.rand(
        count, grid, grid, 2, generator=generator, device=device
    )
    return drawn.to(like) * 2 - 1


def sample_points(maps: Tensor, points: Tensor) -> Tensor:
    """Read maps at points, bilinearly.

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
    """Draw a permutation without fixed points, all of one cycle.

    Every other image is as likely to be an image's partner.

    Args:
        count: Number of images N, at least 2.
        device: Of the result.
        generator: Draws on its own device; None takes the CPU's global one.

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
    return partners.to(device)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of all points of one map with all of another.

    Args:
        a: (N, D, P).
        b: (N, D, Q).

    Returns:
        Tensor: (N, P, Q) in [-1, 1]; 0 for zero vectors.
    """
    return F.normalize(a, dim=1).transpose(1, 2) @ F.normalize(b, dim=1)


def centre(features: Tensor) -> Tensor:
    """Take each row's mean from a feature correlation (spatial centring).

    Args:
        features: F (N, P, Q).

    Returns:
        Tensor: F' (N, P, Q), with the mean of F, and the same mean in every
        row.
    """
    return features - features.mean(2, keepdim=True) + features.mean()


def correspondence_loss(
    features_a: Tensor,
    features_b: Tensor,
    code_a: Tensor,
    code_b: Tensor,
    shift: float,
    centring: bool = True,
    zero_clamp: bool = True,
) -> Tensor:
    """Loss of each pair of images.

    Args:
        features_a: Features (N, D, P) at P points; no gradient flows to them.
        features_b: Features (N, D, Q) of the other image; no gradient.
        code_a: Code (N, K, P) at the points of ``features_a``.
        code_b: Code (N, K, Q) at the points of ``features_b``.
        shift: b.
        centring: Centre F over the points of the other image.
        zero_clamp: Let negative code correlations be.

    Returns:
        Tensor: (N,), of either sign.

    Raises:
        ValueError: If shapes do not fit.
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
    target = correlation(features_a.detach(), features_b.detach())
    if centring:
        target = centre(target)
    similarity = correlation(code_a, code_b)
    if zero_clamp:
        similarity = similarity.clamp(min=0)
    return -(similarity * (target - shift)).mean((1, 2))


def _mean_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Mean of :func:`correlation`, without forming it."""
    mean_a, mean_b = (F.normalize(m, dim=1).mean(2) for m in (a, b))
    return (mean_a * mean_b).sum(1).mean()


@MODELS.register_module()
class STEGOLoss(nn.Module):
    """The three correspondence losses of a batch of image pairs.

    Args:
        weights (Mapping[str, float]): Of the terms 'self', 'knn' and
            'random'. Defaults to .67, .25 and .63.
        shifts (Mapping[str, float]): b of the terms. Defaults to .18, .12
            and .46.
        grid (int): grid x grid points per image. Defaults to 11.
        random_draws (int): Random images per image. Defaults to 5.
        centring (bool): Centre the feature correlation. Defaults to True.
        zero_clamp (bool): Let negative code correlations be. Defaults to
            True.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        weights: Mapping[str, float] = WEIGHTS,
        shifts: Mapping[str, float] = SHIFTS,
        grid: int = 11,
        random_draws: int = 5,
        centring: bool = True,
        zero_clamp: bool = True,
    ):
        super().__init__()
        for name, values in (('weights', weights), ('shifts', shifts)):
            if set(values) != set(TERMS):
                raise ValueError(
                    f'{name} has a value for each of {TERMS}, got '
                    f'{dict(values)}'
                )
        if grid < 1 or random_draws < 1:
            raise ValueError(
                'grid and random_draws must be >= 1, got '
                f'{grid} and {random_draws}'
            )
        self.weights = dict(weights)
        self.shifts = dict(shifts)
        self.grid = grid
        self.random_draws = random_draws
        self.centring = centring
        self.zero_clamp = zero_clamp

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
            generator: Draws points and random images; None takes the global
                one.

        Returns:
            dict[str, Tensor]: ``loss_self``, ``loss_knn``, ``loss_random``
            (N,) with their weights, of either sign, and for the log the mean
            feature correlations ``corr_self``, ``corr_knn`` and
            ``corr_random``, scalars. The random terms of a single image are
            0 and keep the gradient path.
        """
        with torch.autocast(code.device.type, enabled=False):
            features, neighbour_features, code, neighbour_code = (
                at_least_float32(m)
                for m in (
                    features.detach(),
                    neighbour_features.detach(),
                    code,
                    neighbour_code,
                )
            )
            own = random_points(len(code), self.grid, code, generator)
            other = random_points(len(code), self.grid, code, generator)
            view = sample_points(features, own), sample_points(code, own)
            neighbour = (
                sample_points(neighbour_features, other),
                sample_points(neighbour_code, other),
            )
            pairs = {'self': [view], 'knn': [neighbour], 'random': []}
            for _ in range(self.random_draws if len(code) > 1 else 0):
                order = cyclic_order(len(code), code.device, generator)
                pairs['random'].append(
                    (
                        sample_points(features[order], other),
                        sample_points(code[order], other),
                    )
                )
            out = {}
            for name in TERMS:
                out.update(self._term(name, view, pairs[name]))
        return out

    def _term(
        self,
        name: str,
        view: tuple[Tensor, Tensor],
        partners: list[tuple[Tensor, Tensor]],
    ) -> dict[str, Tensor]:
        """Mean loss of the images with their partners, and mean of F."""
        features, code = view
        if partners:
            loss = sum(
                correspondence_loss(
                    features,
                    other_features,
                    code,
                    other_code,
                    self.shifts[name],
                    self.centring,
                    self.zero_clamp,
                )
                for other_features, other_code in partners
            ) / len(partners)
            seen = sum(_mean_correlation(features, f) for f, _ in partners)
            seen = seen / len(partners)
        else:
            loss, seen = 0 * code.sum((1, 2)), features.new_zeros(())
        return {
            f'loss_{name}': self.weights[name] * loss,
            f'corr_{name}': seen,
        }

    def extra_repr(self) -> str:
        """Options that ``print(model)`` shows."""
        return (
            f'weights={self.weights}, shifts={self.shifts}, '
            f'grid={self.grid}, random_draws={self.random_draws}'
        )
