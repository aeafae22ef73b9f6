"""Settings that suit the number and size of one's photos."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Iterations below which networks learn little, and epochs that are enough
# for large sets and too many for any.
ITERATIONS = 400
FEWEST_EPOCHS, MOST_EPOCHS = 8, 100


@dataclass(frozen=True)
class Network:
    """What a backbone asks for.

    Attributes:
        size: Long side to which photos are resized, at most.
        batch: Most photos in a batch.
        lr: Learning rates of AdamW, from pretrained weights and from scratch.
        weights: Its weights if the user names none.
        imagenet: Its ImageNet weights, and what getting them means.
    """

    size: int
    batch: int
    lr: tuple[float, float]
    weights: str | None
    imagenet: tuple[str, str]


NETWORKS = {
    'mobilenetv2': Network(
        size=256,
        batch=16,
        lr=(3e-4, 2e-3),
        weights=None,
        imagenet=('mmcls://mobilenet_v2', 'a download of 14 MB'),
    ),
    'r50': Network(
        size=448,
        batch=8,
        lr=(1e-4, 1e-3),
        weights='torchvision://resnet50',
        imagenet=('torchvision://resnet50', 'a download of 98 MB'),
    ),
}


def working_size(long_side: int, most: int) -> tuple[int, int]:
    """Choose the size of the photos and of their crops for a network.

    Args:
        long_side: Long side of a usual photo, in pixels.
        most: The network's size; photos are not made larger than they are.

    Returns:
        tuple: Long side and side of the crops, multiples of 32.
    """
    size = min(most, max(128, math.ceil(long_side / 32) * 32))
    return size, size * 3 // 4 // 32 * 32


def batch_size(photos: int, most: int) -> int:
    """Choose a batch: at least two steps an epoch, never one photo alone."""
    return max(2, min(most, photos // 2))


def epochs_for(photos: int, batch: int) -> int:
    """Choose epochs, so that few photos get iterations enough.

    Args:
        photos: Number of training photos.
        batch: Photos in a batch; a part of one is dropped.

    Returns:
        int: Between 8 and 100.
    """
    steps = max(photos // batch, 1)
    epochs = math.ceil(ITERATIONS / steps)
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, epochs))


def teacher_momentum(iterations: int) -> float:
    """Choose MARS's momentum: the teacher remembers an eighth of training."""
    return round(max(0.001, min(0.1, 8 / iterations)), 4)
