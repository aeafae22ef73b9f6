"""Feature similarity loss (FSL): CAM contours follow colour edges.

Jonnarth, Zhang, Felsberg, "High-fidelity Pseudo-labels for Boosting
Weakly-Supervised Segmentation", WACV 2024, Eqs. 9 to 13 and Section 4.3.

Over all pairs of cells i, j of an image of H x W cells::

    L = -1/(HW) * sum_ij w_ij g_ij f_ij                              (Eq. 9)
    w_ij = exp(-|p_i - p_j|^2 / (2 sigma^2)) / (2 pi sigma^2)        (Eq. 10)
    g_ij = |a_i - a_j|^2 / 2                                         (Eq. 11)
    f_ij = tanh(mu + log(d / (1 - d))),  d = |x_i - x_j|_1 / 3  (Eqs. 12, 13)

with positions p in cells, colours x and gated predictions a, both in [0, 1].
Cells of like colour (f < 0, d below sigmoid(-mu), 19 of 255 grey levels) are
drawn together, the others pushed apart.

How it is computed:

* With r = d / (1 - d) and m = exp(2 mu), f = (m r^2 - 1) / (m r^2 + 1): no
  logarithm, nothing to guard.
* With k_ij = w_ij f_ij symmetric, ``sum_ij k_ij |a_i - a_j|^2 / 2`` is
  sum_i a_i . l_i with l_i = sum_j k_ij (a_i - a_j), and the gradient in a_i is
  2 l_i. So k, which needs no gradient, is formed for two rows of cells at a
  time (on a GPU for several pairs of rows) and never stored; each pair once.
* Rows further apart than ``REACH`` sigma are left out: their weight is below
  the precision of the dtype.

Where paper and published code differ, or say nothing:

* Gate: Eq. 4 (max-norm), with 1e-5 added to the maximum, which matters for
  maps near 0 only; the code's min-max is an option. Gradients flow through
  the normaliser, as in the code.
* Only present classes count, as the paper says. The code adds a background
  channel 1 - max over classes: ``with_background``.
* Colours are averaged over each cell. The code picks single pixels, which
  carry more noise.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ...pseudo_labels.cam import normalise_cam
from ...structures import current_images
from ...utils import check_option
from .foreground import Foreground, foreground_inputs, log_posterior

GATES = ('max_norm', 'min_max', 'sigmoid', 'softmax')
REACH = {torch.float32: 6, torch.float64: 9}
_PAIRS_ON_CPU, _PAIRS_ON_GPU = 2**19, 2**24


def pair_kernel(
    top: Tensor, bottom: Tensor, weight: Tensor, mu: float
) -> Tensor:
    """w_ij f_ij between all cells of one row and all of another.

    Args:
        top: Colours (3, N, 1, h, W, 1) in [0, 1] of the rows of cells i.
        bottom: Colours (3, N, D, h, 1, W) of the rows of cells j.
        weight: w_ij (Eq. 10), (D, h, W, W) or what expands to it.
        mu: Shift of Eq. 12.

    Returns:
        Tensor: (N, D, h, W, W).
    """
    far = (top[0] - bottom[0]).abs_()
    far += (top[1] - bottom[1]).abs_()
    far += (top[2] - bottom[2]).abs_()
    far /= 3
    like = (1 - far).square_()
    # f = 1 - 2 (1 - d)^2 / ((1 - d)^2 + m d^2)
    like /= torch.addcmul(like, far, far, value=math.exp(2 * mu))
    return torch.addcmul(weight, weight, like, value=-2, out=far)


def rows_below(rows: Tensor, first: int, count: int) -> Tensor:
    """For each row, some rows below it.

    Args:
        rows: (..., H, W, C).
        first: Distance of the first one, < H.
        count: D, how many.

    Returns:
        Tensor: (..., D, H - first, W, C); 0 where there is no such row.
    """
    below = rows[..., first:, :, :]
    if count == 1:
        return below.unsqueeze(-4)
    padded = F.pad(below, (0, 0, 0, 0, 0, count - 1))
    return padded.unfold(-3, count, 1).movedim(-1, -4)


def sum_rows_below(rows: Tensor) -> Tensor:
    """Bring what :func:`rows_below` took apart back to its rows, and add it.

    Args:
        rows: (N, D, h, W, C).

    Returns:
        Tensor: (N, h, W, C); what would lie below the last row is left out.
    """
    n, count, height, *rest = rows.shape
    if count == 1:
        return rows[:, 0]
    # Rows of h + D in memory, read as rows of h + D - 1: each moves by one
    # more than the one before.
    padded = F.pad(rows, (0, 0, 0, 0, 0, count)).flatten(1, 2)
    skewed = padded[:, :-count].view(n, count, height + count - 1, *rest)
    return skewed[:, :, :height].sum(1)


def _at_once(images: int, pairs: int, device: str) -> tuple[int, int]:
    """Choose how many images and distances of rows are computed at once.

    A CPU takes one distance, so that no pair below the last row is computed;
    on a GPU few and large kernels are faster.

    Args:
        images: Their number.
        pairs: Of one image and one distance.
        device: Type of the device.
    """
    limit = _PAIRS_ON_CPU if device == 'cpu' else _PAIRS_ON_GPU
    step = max(1, min(images, limit // pairs))
    depth = 1 if device == 'cpu' else max(1, limit // (step * pairs))
    return step, depth


def pair_laplacian(
    gated: Tensor, images: Tensor, mu: float, sigma: float
) -> Tensor:
    """l_i = sum_j w_ij f_ij (a_i - a_j).

    Args:
        gated: Predictions a (N, K, H, W), float32 or float64.
        images: Colours x (N, 3, H, W) in [0, 1], same dtype.
        mu: Shift of Eq. 12.
        sigma: Width of Eq. 10 in cells.

    Returns:
        Tensor: (N, K, H, W).
    """
    n, _, height, width = gated.shape
    column = torch.arange(width, device=gated.device, dtype=gated.dtype)
    near = (-((column[:, None] - column) ** 2) / (2 * sigma**2)).exp()
    near /= 2 * math.pi * sigma**2
    row = torch.arange(height, device=gated.device)
    falloff = (-(row.double() ** 2) / (2 * sigma**2)).exp().to(gated)
    # A constant per class changes nothing, and without it less cancels.
    cells = (gated - gated.mean((2, 3), keepdim=True)).permute(0, 2, 3, 1)
    cells = cells.contiguous()
    colours = images.transpose(0, 1).contiguous()
    out = torch.zeros_like(cells)
    reach = min(math.ceil(REACH[gated.dtype] * sigma), height - 1)
    step, depth = _at_once(n, height * width * width, gated.device.type)
    for start in range(0, n, step):
        part = slice(start, start + step)
        a, x, lap = cells[part], colours[:, part], out[part]
        for first in range(0, reach + 1, depth):
            count = min(depth, reach + 1 - first)
            top = a[:, None, : height - first]
            bottom = rows_below(a, first, count)
            weight = near * falloff[first : first + count, None, None, None]
            if count > 1:
                below = row[first : first + count, None] + row
                below = below[:, : height - first, None, None]
                weight = weight * (below < height)
            kernel = pair_kernel(
                x[:, :, None, : height - first, :, None],
                rows_below(x[..., None], first, count).transpose(-1, -2),
                weight,
                mu,
            )
            pull = kernel.sum(-1, keepdim=True) * top - kernel @ bottom
            lap[:, : height - first] += pull.sum(1)
            if first + count == 1:
                continue
            kernel = kernel.transpose(-1, -2)
            pull = kernel.sum(-1, keepdim=True) * bottom - kernel @ top
            if first == 0:
                pull[:, 0] = 0  # pairs of one row are complete
            lap[:, first:] += sum_rows_below(pull)
    return out.permute(0, 3, 1, 2)


class _FeatureSimilarity(torch.autograd.Function):
    """Eq. 9 of each image, its gradient formed on the way forward."""

    @staticmethod
    def forward(ctx, gated, images, mu, sigma):
        with torch.autocast(gated.device.type, enabled=False):
            lap = pair_laplacian(gated, images, mu, sigma)
        lap *= -1 / (gated.shape[2] * gated.shape[3])
        ctx.save_for_backward(lap)
        return (gated * lap).sum((1, 2, 3))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_loss):
        (lap,) = ctx.saved_tensors
        return 2 * lap * grad_loss[:, None, None, None], None, None, None


def feature_similarity_loss(
    gated: Tensor, images: Tensor, mu: float = 2.5, sigma: float = 5.0
) -> Tensor:
    """Feature similarity loss of each image (Eq. 9).

    Args:
        gated: Predictions a (N, K, H, W) in [0, 1] of the classes that count,
            any float dtype; computed in float32 or in float64.
        images: RGB (N, 3, H, W) in [0, 1]; no gradient flows to it.
        mu: Shift of Eq. 12.
        sigma: Width of Eq. 10 in cells, > 0.

    Returns:
        Tensor: (N,), of any sign; 0 for constant predictions.

    Raises:
        ValueError: If shapes do not fit.
    """
    if images.shape != (len(gated), 3, *gated.shape[2:]):
        raise ValueError(
            f'images must be {(len(gated), 3, *gated.shape[2:])} for '
            f'predictions {tuple(gated.shape)}, got {tuple(images.shape)}'
        )
    if gated.dtype != torch.float64:
        gated = gated.float()
    return _FeatureSimilarity.apply(gated, images.to(gated), mu, sigma)


def gate_present(inputs: Foreground, gate: str) -> Tensor:
    """Map logits to [0, 1] and leave out the absent classes.

    Args:
        inputs: Logits (N, K, h, w) and labels (N, K).
        gate: 'max_norm' (Eq. 4), 'min_max' (the code's), 'sigmoid' (Eq. 14)
            or 'softmax' (Eq. 5).

    Returns:
        Tensor: (N, M, h, w), M the largest number of classes in an image: its
        present classes, then zeros.
    """
    values = inputs.logits
    if gate == 'softmax':
        values = log_posterior(inputs, 'multinomial')
    present = inputs.labels > 0
    most = max(int(present.sum(1).max()), 1)
    order = present.int().argsort(dim=1, descending=True, stable=True)
    order = order[:, :most]
    mask = present.gather(1, order)[:, :, None, None]
    index = order[:, :, None, None].expand(-1, -1, *values.shape[2:])
    values = values.gather(1, index)
    if gate == 'sigmoid':
        gated = values.sigmoid()
    elif gate == 'softmax':
        gated = values.exp()
    else:
        gated = normalise_cam(values, 'max' if gate == 'max_norm' else gate)
    return gated.where(mask, gated.new_zeros(()))


@MODELS.register_module()
class FSL(nn.Module):
    """Feature similarity loss, beside the classification loss of a CAMHead.

    It also stands beside the losses of an ordinary MMSeg head. ::

        loss_decode=[
            dict(type='mmseg_wsss.BinomialISL'),
            dict(type='mmseg_wsss.FSL')]
        custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')]

    The loss is the mean over the batch; images without a class give 0.

    Args:
        mu (float): Shift of Eq. 12. Defaults to 2.5.
        sigma (float): Width of Eq. 10 in cells. Defaults to 5.0, which the
            paper found on maps of 56 x 56.
        gate (str): 'max_norm', 'min_max', 'sigmoid' or 'softmax', see
            ``gate_present``. Defaults to 'max_norm'.
        with_background (bool): Add a channel 1 - max over the present
            classes, as the published code does. For a single class this
            doubles the loss. Defaults to False.
        upsample (int): Integer factor by which logits are enlarged first,
            bilinearly (paper: 2 for SIPE, 4 for MCTformer). Defaults to 1.
        max_size (int): Maps with a longer side are averaged down to it.
            Defaults to 64.
        background_index (int, optional): The data set's background class,
            None if there is none. Defaults to 0.
        loss_weight (float): Factor; the paper takes 1 on VOC, 0.2 on COCO,
            and 0.1 for optimizers with larger steps. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_fsl'.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        mu: float = 2.5,
        sigma: float = 5.0,
        gate: str = 'max_norm',
        with_background: bool = False,
        upsample: int = 1,
        max_size: int = 64,
        background_index: int | None = 0,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_fsl',
    ):
        super().__init__()
        check_option('gate', gate, GATES)
        if sigma <= 0:
            raise ValueError(f'sigma must be positive, got {sigma}')
        if upsample != int(upsample) or upsample < 1:
            raise ValueError(f'upsample is an integer >= 1, got {upsample}')
        if max_size < 1:
            raise ValueError(f'max_size must be >= 1, got {max_size}')
        self.mu = mu
        self.sigma = sigma
        self.gate = gate
        self.with_background = with_background
        self.upsample = int(upsample)
        self.max_size = max_size
        self.background_index = background_index
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    def forward(
        self,
        cam_logits: Tensor,
        seg_label: Tensor | None = None,
        image_labels: Tensor | None = None,
        images: Tensor | None = None,
        **kwargs,
    ) -> Tensor:
        """Compute the loss.

        Args:
            cam_logits: Raw CAM (N, K, h, w) of the foreground classes, or
                logits (N, C, h, w) with a background channel, any float
                dtype; computed in float32 at least.
            seg_label: Accepted as MMSeg's heads pass it, and not read.
            image_labels: Multi-hot (N, K) over the foreground. None asks the
                current batch.
            images: RGB (N, 3, H, W) in [0, 1] of any size, averaged to the
                CAM's. None asks the current batch.
            **kwargs: Accepted and ignored.

        Returns:
            Tensor: Scalar, of any sign.

        Raises:
            ValueError: If shapes do not fit or a logit is not finite.
            RuntimeError: If image labels or images are missing.
        """
        with torch.autocast(cam_logits.device.type, enabled=False):
            inputs = foreground_inputs(
                'FSL', cam_logits, image_labels, self.background_index
            )
            inputs = Foreground(
                self._resize(inputs.logits),
                inputs.labels,
                self._resize(inputs.background),
            )
            if images is None:
                images = current_images('FSL')
            images = images.detach().to(inputs.logits)
            colours = F.adaptive_avg_pool2d(images, inputs.logits.shape[2:])
            gated = gate_present(inputs, self.gate)
            if self.with_background:
                background = 1 - gated.amax(1, keepdim=True)
                gated = torch.cat([background, gated], dim=1)
            loss = feature_similarity_loss(gated, colours, self.mu, self.sigma)
        return self.loss_weight * loss.mean()

    def _resize(self, logits: Tensor) -> Tensor:
        """Enlarge by ``upsample``, then average down to ``max_size``."""
        if self.upsample > 1:
            logits = F.interpolate(
                logits, scale_factor=self.upsample, mode='bilinear'
            )
        height, width = logits.shape[2:]
        longest = max(height, width)
        if longest <= self.max_size:
            return logits
        size = [
            max(1, round(side * self.max_size / longest))
            for side in (height, width)
        ]
        return F.adaptive_avg_pool2d(logits, size)

    def extra_repr(self) -> str:
        """Options that ``print(model)`` shows."""
        return (
            f'mu={self.mu}, sigma={self.sigma}, gate={self.gate!r}, '
            f'with_background={self.with_background}, '
            f'upsample={self.upsample}, max_size={self.max_size}, '
            f'loss_weight={self.loss_weight}'
        )
