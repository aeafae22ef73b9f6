r"""Adversarial climbing of an image, and the sum of its CAMs (AdvCAM).

Lee, Kim and Yoon, "Anti-Adversarially Manipulated Attributions for Weakly and
Semi-Supervised Semantic Segmentation", CVPR 2021,
https://arxiv.org/abs/2103.08896. The image is changed step by step so that the
score of one class rises; more and more regions of the object contribute.
With the CAMs :math:`M` of the image :math:`x^t`

.. math::

    z_k = \mathrm{mean} \, M_k, \quad
    J = z_c - \sum_{k \ne c} z_k - \lambda D, \quad
    D = \sum_{M_c^t > \tau \max M_c^t} | M_c^t - M_c^0 |

    x^{t+1} = x^t + \xi \, g / \max |g|, \quad
    g = \partial J / \partial x^t, \quad
    A_c = \sum_{t=0}^{T} M_c^t

D limits the growth of regions that are high already (Eqs. 7 to 9). The network
does not change. The paper neither scales the gradient nor clips the image; its
code, followed here, divides the gradient by its largest entry and clips images
to their own range. The code takes Grad-CAMs; of a classifier of one 1x1
convolution they are the CAM over the number of positive weights of the class,
so D is divided by that number (``divisors``) and by the number of views. The
sum's scale cancels when it is normalised.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

EPS = 1e-12
PENALTY = 7.0  # lambda
THRESHOLD = 0.5  # tau
STEP_SIZE = 0.08  # xi


def climbing_objective(
    maps: Tensor, classes: Tensor, first: Tensor, divisors: Tensor
) -> Tensor:
    """Compute what each class's climb increases, J.

    Args:
        maps: Non-negative CAMs (B, V, K, h, w), of B classes' copies of the V
            views of an image; views lie on one another.
        classes: The class of each copy (B,), in 0 .. K - 1.
        first: Its CAM before the climb, summed over the views (B, h, w).
        divisors: What D of each class is divided by (B,), positive.

    Returns:
        Tensor: (B,), logits of all views summed.

    Examples:
        >>> maps = torch.tensor([4.0, 1.0, 2.0, 0.0]).reshape(1, 1, 2, 1, 2)
        >>> climbing_objective(  # 2.5 - 1 - 7 * (4 - 3) / 7
        ...     maps,
        ...     classes=torch.tensor([0]),
        ...     first=torch.tensor([[[3.0, 1.0]]]),
        ...     divisors=torch.tensor([7.0]),
        ... )
        tensor([0.5000])
    """
    own = class_maps(maps, classes)
    logits = maps.mean((3, 4)).sum(1)
    target = logits.gather(1, classes[:, None])[:, 0]
    high = own > THRESHOLD * own.amax((1, 2), keepdim=True)
    distance = ((own - first).abs() * high).sum((1, 2)) / divisors
    return 2 * target - logits.sum(1) - PENALTY * distance


def class_maps(maps: Tensor, classes: Tensor) -> Tensor:
    """Return each copy's CAM of its class, summed over the views.

    Args:
        maps: CAMs (B, V, K, h, w).
        classes: (B,), in 0 .. K - 1.

    Returns:
        Tensor: (B, h, w).
    """
    copies = torch.arange(len(maps), device=maps.device)
    return maps[copies, :, classes].sum(1)


def ascend(images: Tensor, gradient: Tensor) -> Tensor:
    """Compute the images one step along the gradient, clipped to their range.

    Args:
        images: (B, V, 3, H, W).
        gradient: Of the same shape; its largest entry moves by 0.08.

    Returns:
        Tensor: (B, V, 3, H, W).

    Examples:
        >>> images = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 1, 3, 1, 1)
        >>> gradient = torch.tensor([1.0, -0.5, 1.0]).reshape(1, 1, 3, 1, 1)
        >>> ascend(images, gradient).flatten()
        tensor([0.0800, 0.4600, 1.0000])
    """
    axes = tuple(range(1, images.ndim))
    largest = gradient.abs().amax(axes, keepdim=True)
    moved = images + STEP_SIZE * gradient / (largest + EPS)
    low = images.amin(axes, keepdim=True)
    return moved.clamp(low, images.amax(axes, keepdim=True))


def climb(
    images: Tensor,
    cams: Callable[[Tensor], tuple[Tensor, Tensor]],
    classes: Tensor,
    divisors: Tensor,
    steps: int = 26,
) -> Tensor:
    """Sum the CAMs of an image while it climbs, all classes in one batch.

    Args:
        images: The normalised views (V, 3, H, W) of one image.
        cams: Computes two non-negative CAMs (B, V, K, h, w) of copies
            (B, V, 3, H, W), turned so that the views lie on one another: those
            that the climb follows, and those that are summed. They differ
            where a head refines its CAM without a gradient.
        classes: The classes to climb for (B,), int64 in 0 .. K - 1.
        divisors: See :func:`climbing_objective`; of one view (B,).
        steps: Steps of the climb, T; the sum has one map more. 0 gives the
            CAM of the image itself.

    Returns:
        Tensor: The sums (B, h, w), without gradient.

    Raises:
        ValueError: If there is no class.

    Examples:
        >>> image = torch.tensor([1.0, 0.5, 0.0]).reshape(1, 3, 1, 1)
        >>> climb(  # the CAMs are the channels
        ...     image,
        ...     lambda copies: (copies, copies),
        ...     classes=torch.tensor([1]),
        ...     divisors=torch.ones(1),
        ...     steps=1,
        ... )
        tensor([[[1.0800]]])
    """
    if not len(classes):
        raise ValueError('climb needs a class to climb for, got none')
    copies = images.detach()[None].repeat(len(classes), 1, 1, 1, 1)
    divisors = divisors * len(images)
    total, first = None, None
    for step in range(steps + 1):
        last = step == steps
        with torch.set_grad_enabled(not last):
            copies.requires_grad_(not last)
            maps, summed = cams(copies)
            own = class_maps(summed.detach(), classes)
            total = own if total is None else total + own
            if last:
                break
            if first is None:
                first = class_maps(maps.detach(), classes)
            objective = climbing_objective(maps, classes, first, divisors)
            (gradient,) = torch.autograd.grad(objective.sum(), copies)
        copies = ascend(copies.detach(), gradient)
    return total
