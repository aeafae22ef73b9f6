"""PLANDOC"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..checks import check_option

CLASSES = ('background', 'boat', 'car', 'cat', 'dog', 'person', 'train')
PALETTE = (
    (0, 0, 0), (60, 120, 216), (230, 160, 40), (200, 70, 160),
    (140, 96, 56), (70, 180, 100), (206, 54, 54),
)  # fmt: skip

COMBINATIONS: dict[tuple[str, ...], int] = {
    ('boat',): 105,
    ('car',): 85,
    ('cat',): 105,
    ('dog',): 80,
    ('person',): 75,
    ('train',): 90,
    ('boat', 'dog'): 15,
    ('boat', 'person'): 35,
    ('car', 'cat'): 10,
    ('car', 'dog'): 20,
    ('car', 'person'): 65,
    ('car', 'train'): 25,
    ('cat', 'dog'): 10,
    ('cat', 'person'): 30,
    ('dog', 'person'): 95,
    ('person', 'train'): 35,
    ('boat', 'dog', 'person'): 20,
    ('car', 'cat', 'person'): 10,
    ('car', 'dog', 'person'): 45,
    ('car', 'person', 'train'): 20,
    ('cat', 'dog', 'person'): 10,
    ('dog', 'person', 'train'): 15,
}
"""How many of 1000 images hold exactly these classes."""

RAILS_WITH_TRAIN, WATER_WITH_BOAT, ROAD_WITH_CAR = 0.93, 0.94, 0.75
RAILS_ALONE, WATER_ALONE, ROAD_ALONE = 0.20, 0.22, 0.15

SPLITS = ('train', 'val')
SIZES = (128, 160)


@dataclass(frozen=True)
class ScenePlan:
    """What one picture holds; drawn before any pixel is.

    Attributes:
        classes: Foreground class names, sorted.
        rails: Whether rails cross the picture.
        water: Whether there is water.
        road: Whether a road crosses the picture.
        width: Width in pixels.
        height: Height in pixels.
    """

    classes: tuple[str, ...]
    rails: bool
    water: bool
    road: bool
    width: int
    height: int


def make_generator(
    seed: int, split: str, index: int, stream: int
) -> np.random.Generator:
    """Random numbers of one picture; streams of one picture differ."""
    key = (seed, SPLITS.index(split), index, stream)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def plan_scene(
    seed: int, split: str, index: int, sizes: Sequence[int] = SIZES
) -> ScenePlan:
    """Draw lots for the content of one picture, without painting it.

    Args:
        seed (int): Seed of the set, not negative.
        split (str): 'train' or 'val'.
        index (int): Number of the picture in its split, not negative.
        sizes (Sequence[int]): Smallest and largest side in pixels. Width
            and height are multiples of 8 in this range, each on its own.

    Returns:
        ScenePlan: The same for the same arguments.

    Raises:
        ValueError: If an argument is out of range.
    """
    check_option('split', split, SPLITS)
    if seed < 0 or index < 0:
        raise ValueError(
            f'seed and index must not be negative, got {seed} and {index}'
        )
    _check_sizes(sizes)
    rng = make_generator(seed, split, index, 0)
    weights = np.array(list(COMBINATIONS.values()), dtype=float)
    choice = rng.choice(len(weights), p=weights / weights.sum())
    classes = list(COMBINATIONS)[choice]
    by_context, by_road = rng.random(2)
    rails = water = False
    if 'train' in classes:
        rails = by_context < RAILS_WITH_TRAIN
    elif 'boat' in classes:
        water = by_context < WATER_WITH_BOAT
    else:
        rails = by_context < RAILS_ALONE
        water = RAILS_ALONE <= by_context < RAILS_ALONE + WATER_ALONE
    road = by_road < (ROAD_WITH_CAR if 'car' in classes else ROAD_ALONE)
    low, high = sizes[0] // 8, sizes[1] // 8
    width, height = 8 * rng.integers(low, high, size=2, endpoint=True)
    return ScenePlan(
        classes=classes,
        rails=bool(rails),
        water=bool(water),
        road=bool(road) and 'boat' not in classes,
        width=int(width),
        height=int(height),
    )


def _check_sizes(sizes: Sequence[int]) -> None:
    fits = len(sizes) == 2 and 64 <= sizes[0] <= sizes[1] <= 512
    if not fits or sizes[0] % 8 or sizes[1] % 8 or sizes[1] > 1.5 * sizes[0]:
        raise ValueError(
            'sizes must be the smallest and largest side, multiples of 8 '
            f'from 64 to 512 and at most 1.5 apart, got {list(sizes)}'
        )
