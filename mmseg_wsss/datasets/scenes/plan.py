"""What the built-in scenes hold, and how often.

The pictures hold on purpose what weak supervision struggles with:

* **Tell-tale parts.** Every class has a small part that tells it (face,
  head, wheels, front, flag and lifebuoy) and a large plain body. Cat and dog
  share the body, van and train share the coach; boulders, benches, shop
  dummies and sheds wear the same shapes and colours and are background.
* **Bias.** Nearly every train is on rails and every boat on water; rails and
  water are also alone, half of the time with a shed or hut in the place of
  the object. Never both in one picture.
* **Co-occurrence.** Person with dog often, cat with dog rarely, boat with
  car, cat or train never.

Rates that lots are drawn by: 93 % of trains are on rails, 94 % of boats on
water, 75 % of cars on a road (never beside a boat). Of the images with
neither train nor boat 20 % have rails and 22 % water; of those without car
and boat 15 % have a road. 54 % of the images have one class, 34 % two, 12 %
three; :data:`COMBINATIONS` says which.

The default set (seed 0, 600 training images) has::

              boat   car   cat   dog  person  train   alone
    boat        94     0     0    17      40      0      46
    car          0   150     9    30      69     26      52
    cat          0     9   112     7      33      0      72
    dog         17    30     7   172     103     10      49
    person      40    69    33   103     283     49      48
    train        0    26     0    10      49    123      58

    rails: 118 of 123 images with train,  79 of 477 without
    water:  91 of  94 images with boat,   74 of 506 without
    road:  121 of 150 images with car,    57 of 450 without

Everything is background that is not one of the six classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...utils import check_option

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
"""Shares of the images with and, of the others, without the class."""

SPLITS = ('train', 'val')
SIZES = (128, 160)
"""Smallest and largest side of a picture in pixels."""


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
    """Return the random generator of a picture's stream."""
    key = (seed, SPLITS.index(split), index, stream)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def plan_scene(
    seed: int, split: str, index: int, sizes: Sequence[int] = SIZES
) -> ScenePlan:
    """Sample the content of one picture, without drawing it.

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
