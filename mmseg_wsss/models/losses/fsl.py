r"""Feature similarity loss (FSL): CAM contours follow colour edges.

Jonnarth, Zhang, Felsberg, "High-fidelity Pseudo-labels for Boosting
Weakly-Supervised Segmentation", WACV 2024, https://arxiv.org/abs/2304.02621.

Over all pairs of locations i, j of a map of HW locations, with positions p,
colours x and gated predictions a, both in [0, 1]:

.. math::
    L &= -\frac{1}{HW} \sum_{i,j} w_{ij} g_{ij} f_{ij} & (9)\\
    w_{ij} &= e^{-\|p_i - p_j\|^2 / 2\sigma^2} / 2\pi\sigma^2 & (10)\\
    g_{ij} &= \|a_i - a_j\|^2 / 2 & (11)\\
    f_{ij} &= \tanh(\mu + \log\tfrac{d}{1 - d}), \quad
    d = \|x_i - x_j\|_1 / 3 & (12, 13)

Pairs of similar colour (f < 0; with mu = 2.5 a mean difference below 19 of
255) are drawn together, others pushed apart. As w f is symmetric and needs no
gradient, L = -1/HW sum_i a_i . l_i with l_i = sum_j w_ij f_ij (a_i - a_j), and
dL/da_i = -2 l_i / HW: no pair is stored.

Choices, see configs/hfpl/README.md: the gate is Eq. 4; only present classes
count, as the paper says (its code adds a background channel); colours are
averaged over each location (its code samples points). The options
``with_background`` and ``colours`` are the code's.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...pseudo_labels.cam import normalise_cam
from ...structures import current_images
from ...utils import at_least_float32, check_option
from .base import ClassLogits, ImageLevelLoss, LossInputs
from .isl import log_posterior

GATES = ('max_norm', 'min_max', 'sigmoid', 'softmax')
COLOURS = ('mean', 'point')
# Rows further apart than this many sigma weigh less than the dtype resolves.
REACH = {torch.float32: 6, torch.float64: 9}
_PAIRS_ON_CPU, _PAIRS_ON_GPU = 2**19, 2**24  # computed at a time


def gaussian(count: int, sigma: float, like: Tensor) -> Tensor:
    """Compute exp(-(i - j)^2 / 2 sigma^2) of i, j < count, of like's dtype."""
    p = torch.arange(count, device=like.device, dtype=like.dtype)
    return ((p[:, None] - p).square() / (-2 * sigma**2)).exp()


def pair_kernel(x_i: Tensor, x_j: Tensor, w: Tensor, mu: float) -> Tensor:
    """Compute w_ij f_ij (Eqs. 12, 13).

    With m = e^(2 mu), tanh(mu + log(d / (1 - d))) is
    1 - 2 (1 - d)^2 / ((1 - d)^2 + m d^2): nothing to guard. Colours are x_i
    (3, ..., I, 1) and x_j (3, ..., 1, J), the result is (..., I, J).
    """
    d = (x_i[0] - x_j[0]).abs_()
    d += (x_i[1] - x_j[1]).abs_()
    d += (x_i[2] - x_j[2]).abs_()
    d /= 3  # Eq. 13
    ratio = (1 - d).square_()
    ratio /= torch.addcmul(ratio, d, d, value=math.exp(2 * mu))
    return torch.addcmul(w, w, ratio, value=-2, out=d)


def _differences(k: Tensor, a_i: Tensor, a_j: Tensor) -> Tensor:
    """Compute sum_j k_ij (a_i - a_j) of k (..., I, J), a (..., I or J, K)."""
    return k.sum(-1, keepdim=True) * a_i - k @ a_j


def _laplacian_by_rows(a: Tensor, x: Tensor, mu: float, sigma: float):
    """Compute l on a CPU: all pairs of rows of one distance at a time.

    Each pair of rows is computed once, those out of reach never. With a and l
    (N, H, W, K), x (3, N, H, W).
    """
    height, width = a.shape[1:3]
    columns = gaussian(width, sigma, a) / (2 * math.pi * sigma**2)
    rows = gaussian(height, sigma, a)[0]
    reach = min(math.ceil(REACH[a.dtype] * sigma), height - 1)
    lap = torch.zeros_like(a)
    for distance in range(reach + 1):
        i, j = slice(height - distance), slice(distance, None)
        w = rows[distance] * columns  # Eq. 10
        k = pair_kernel(x[:, :, i, :, None], x[:, :, j, None], w, mu)
        lap[:, i] += _differences(k, a[:, i], a[:, j])
        if distance:  # the same pairs, seen from the lower row
            lap[:, j] += _differences(k.transpose(-1, -2), a[:, j], a[:, i])
    return lap


def _laplacian_by_blocks(a: Tensor, x: Tensor, mu: float, sigma: float):
    """Compute l on a GPU: some rows against all at a time, in few kernels."""
    n, height, width, _ = a.shape
    columns = gaussian(width, sigma, a) / (2 * math.pi * sigma**2)
    rows = gaussian(height, sigma, a)
    flat, colours = a.flatten(1, 2), x.flatten(2)
    step = max(1, _PAIRS_ON_GPU // (max(n, 1) * height * width**2))
    lap = []
    for top in range(0, height, step):
        i = slice(top * width, (top + step) * width)
        w = torch.kron(rows[top : top + step], columns)  # Eq. 10
        k = pair_kernel(colours[:, :, i, None], colours[:, :, None], w, mu)
        lap.append(_differences(k, flat[:, i], flat))
    return torch.cat(lap, dim=1).view_as(a)


@torch.no_grad()
def pair_laplacian(
    gated: Tensor, images: Tensor, mu: float, sigma: float
) -> Tensor:
    """Compute l_i = sum_j w_ij f_ij (a_i - a_j), (N, K, H, W)."""
    # l does not depend on the mean; without it less cancels.
    a = gated - gated.mean((2, 3), keepdim=True)
    a = a.permute(0, 2, 3, 1).contiguous()
    x = images.transpose(0, 1).contiguous()
    with torch.autocast(a.device.type, enabled=False):
        if not a.is_cpu:
            return _laplacian_by_blocks(a, x, mu, sigma).permute(0, 3, 1, 2)
        step = max(1, _PAIRS_ON_CPU // (a.shape[1] * a.shape[2] ** 2))
        parts = zip(a.split(step), x.split(step, dim=1), strict=True)
        lap = [_laplacian_by_rows(*part, mu, sigma) for part in parts]
        return torch.cat(lap).permute(0, 3, 1, 2)


def feature_similarity_loss(
    gated: Tensor, images: Tensor, mu: float = 2.5, sigma: float = 5.0
) -> Tensor:
    """Compute the feature similarity loss of each image (Eq. 9).

    Args:
        gated: Predictions a (N, K, H, W) in [0, 1] of the classes that count,
            any float dtype; computed in float32 or in float64.
        images: RGB (N, 3, H, W) in [0, 1]; no gradient flows to it.
        mu: Shift of Eq. 12.
        sigma: Width of Eq. 10 in locations, > 0.

    Returns:
        Tensor: (N,), of any sign; 0 for constant predictions.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> a = torch.tensor([[[[0.0, 1.0]]]])  # two locations, one class
        >>> same, different = torch.zeros(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
        >>> different[..., 1] = 1
        >>> feature_similarity_loss(a, same)  # similar colours attract
        tensor([0.0031])
        >>> feature_similarity_loss(a, different)
        tensor([-0.0031])
    """
    if images.shape != (len(gated), 3, *gated.shape[2:]):
        raise ValueError(
            f'images must be {(len(gated), 3, *gated.shape[2:])} for '
            f'predictions {tuple(gated.shape)}, got {tuple(images.shape)}'
        )
    a = at_least_float32(gated)
    lap = pair_laplacian(a, images.to(a), mu, sigma)
    lap *= -1 / (lap.shape[2] * lap.shape[3])
    # Its value is sum_i a_i . l_i, its gradient in a_i is 2 l_i.
    return ((2 * a - a.detach()) * lap).sum((1, 2, 3))


def gate_present(inputs: ClassLogits, gate: str) -> Tensor:
    """Compute gated predictions of the classes that an image has.

    Args:
        inputs: Logits, labels and background logits.
        gate: 'max_norm' (Eq. 4), 'min_max' (the code's), 'sigmoid' (Eq. 14)
            or 'softmax' (Eq. 5).

    Returns:
        Tensor: (N, M, h, w) in [0, 1]: each image's present classes, then
        zeros. M is their largest number on a CPU, K on a GPU.
    """
    values = inputs.logits
    if gate == 'softmax':
        values = log_posterior(inputs, 'multinomial')
    present = inputs.labels > 0
    most = present.shape[1]
    if present.is_cpu:  # a GPU need not wait for the number
        most = max(int(present.sum(1).max()), 1)
    present, classes = present.int().topk(most, dim=1)
    values = values.take_along_dim(classes[:, :, None, None], 1)
    if gate == 'sigmoid':
        gated = values.sigmoid()
    elif gate == 'softmax':
        gated = values.exp()
    else:
        gated = normalise_cam(values, 'max' if gate == 'max_norm' else gate)
    return gated.where(present[:, :, None, None] > 0, 0)


@MODELS.register_module()
class FSL(ImageLevelLoss):
    """Feature similarity loss, beside the classification loss of a CAMHead.

    It also works beside the losses of an ordinary MMSeg head, with
    ``WeakSupervisionHook`` in ``custom_hooks``::

        loss_decode=[
            dict(type='mmseg_wsss.BinomialISL'),
            dict(type='mmseg_wsss.FSL')]

    The loss is the mean over the batch; images without a class give 0.

    Args:
        mu (float): Shift of Eq. 12. Defaults to 2.5.
        sigma (float): Width of Eq. 10 in locations. Defaults to 5.0, which
            the paper found on maps of 56 x 56.
        gate (str): See ``gate_present``. Defaults to 'max_norm'.
        with_background (bool): Add a channel 1 - max over the present
            classes, as the published code does. For a single class this
            doubles the loss. Defaults to False.
        colours (str): Colour of a location: 'mean' of its area, or 'point',
            sampled bilinearly with aligned corners, as in the published code,
            whose mu = 2.5 belongs to it. Defaults to 'mean'.
        upsample (int): Factor by which logits are enlarged first, bilinearly
            (paper: 2 for SIPE, 4 for MCTformer). Defaults to 1.
        max_size (int): Maps with a longer side are averaged down to it.
            Defaults to 64.
        loss_weight (float): The paper takes 1 on VOC, 0.2 on COCO, and 0.1
            for optimizers with larger steps. Defaults to 1.0.
        **kwargs: See :class:`ImageLevelLoss`.

    Examples:
        >>> cam, images = torch.zeros(1, 1, 1, 2), torch.zeros(1, 3, 1, 2)
        >>> cam[..., 1] = 9
        >>> FSL()(cam, images=images, image_labels=torch.tensor([[1, 1]]))
        tensor(0.0031)
    """

    default_name = 'loss_fsl'
    shown = (
        *('mu', 'sigma', 'gate', 'with_background', 'colours'),
        *('upsample', 'max_size'),
    )

    def __init__(
        self,
        mu: float = 2.5,
        sigma: float = 5.0,
        gate: str = 'max_norm',
        with_background: bool = False,
        colours: str = 'mean',
        upsample: int = 1,
        max_size: int = 64,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_option('gate', gate, GATES)
        check_option('colours', colours, COLOURS)
        if sigma <= 0:
            raise ValueError(f'sigma must be positive, got {sigma}')
        if upsample != int(upsample) or upsample < 1:
            raise ValueError(f'upsample is an integer >= 1, got {upsample}')
        if max_size < 1:
            raise ValueError(f'max_size must be >= 1, got {max_size}')
        self.mu, self.sigma, self.gate = mu, sigma, gate
        self.with_background, self.colours = with_background, colours
        self.upsample, self.max_size = int(upsample), max_size

    def compute(
        self, inputs: LossInputs, images: Tensor | None = None, **kwargs
    ) -> Tensor:
        """Compute the mean of Eq. 9 over the batch.

        ``images`` are RGB (N, 3, H, W) in [0, 1] of any size; None reads the
        current batch's.
        """
        logits, labels, background = inputs.foreground()
        logits, background = self._resize(logits), self._resize(background)
        gated = gate_present(
            ClassLogits(logits, labels, background), self.gate
        )
        if self.with_background:
            gated = torch.cat([1 - gated.amax(1, keepdim=True), gated], dim=1)
        if images is None:
            images = current_images('FSL')
        images, size = images.detach().to(logits), logits.shape[2:]
        if self.colours == 'mean':
            images = F.adaptive_avg_pool2d(images, size)
        else:
            images = F.interpolate(
                images, size, mode='bilinear', align_corners=True
            )
        loss = feature_similarity_loss(gated, images, self.mu, self.sigma)
        return loss.mean()

    def _resize(self, logits: Tensor) -> Tensor:
        """Enlarge by ``upsample``, then average down to ``max_size``."""
        if self.upsample > 1:
            logits = F.interpolate(
                logits, scale_factor=self.upsample, mode='bilinear'
            )
        longest = max(logits.shape[2:])
        if longest <= self.max_size:
            return logits
        scale = self.max_size / longest
        size = [max(1, round(side * scale)) for side in logits.shape[2:]]
        return F.adaptive_avg_pool2d(logits, size)
