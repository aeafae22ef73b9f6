"""The six objects of the built-in scenes, in the units of a pen.

Cat and dog share body, legs, tail and coat colours, and differ in the head.
Van and train share the coach with its windows and paints, and differ in
wheels and front. Everybody's coat comes in the paints of the vehicles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .pen import Colour, Pen, pick, shade, shadow

COATS: tuple[Colour, ...] = (
    (214, 138, 66), (139, 94, 60), (226, 200, 160), (132, 134, 140),
    (66, 62, 64),
)  # fmt: skip
PAINTS: tuple[Colour, ...] = (
    (196, 58, 52), (54, 92, 170), (62, 134, 92), (226, 186, 66),
    (220, 220, 214), (64, 150, 160), (206, 118, 56), (120, 82, 140),
)  # fmt: skip
SKINS: tuple[Colour, ...] = (
    (246, 208, 176), (222, 170, 130), (160, 108, 76), (104, 70, 52),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (52, 38, 32), (110, 70, 38), (206, 164, 84), (150, 62, 40),
)  # fmt: skip
WHITE, BLACK, GLASS = (246, 246, 242), (26, 24, 28), (176, 206, 220)


def _pet(pen: Pen, coat: Colour) -> None:
    """Draw body, legs and tail of a cat or dog."""
    shadow(pen, 0.74)
    for x in (-0.52, 0.22):
        pen.box(x, 0, x + 0.13, 0.4, shade(coat, 0.72))
    pen.line(
        [(-0.6, 0.52), (-0.8, 0.6), (-0.85, 0.86), (-0.76, 0.98)],
        0.09, coat,
    )  # fmt: skip
    pen.ellipse(-0.1, 0.47, 0.6, 0.28, coat)
    pen.ellipse(-0.1, 0.53, 0.54, 0.2, shade(coat, 1.06))
    for x in (-0.66, 0.34):
        pen.box(x, 0, x + 0.14, 0.46, coat)
        pen.ellipse(x + 0.09, 0.03, 0.1, 0.05, shade(coat, 0.9))


def draw_cat(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a cat: pointed pink ears, green eyes, a pale mouth."""
    coat = pick(rng, COATS)
    _pet(pen, coat)
    pen.tell_tale(0.46, 0.72, 0.85)
    for side in (-1, 1):
        x = 0.48 + side * 0.19
        pen.polygon(
            [(x - 0.12, 0.8), (x + side * 0.09, 1.16), (x + 0.12, 0.8)],
            shade(coat, 0.8),
        )
        pen.polygon(
            [(x - 0.07, 0.82), (x + side * 0.07, 1.07), (x + 0.07, 0.82)],
            (244, 150, 160),
        )
    pen.ellipse(0.48, 0.7, 0.29, 0.24, coat)
    pen.ellipse(0.48, 0.59, 0.16, 0.12, (250, 240, 230))
    for side in (-1, 1):
        eye = 0.48 + side * 0.14
        pen.ellipse(eye, 0.75, 0.085, 0.08, (140, 220, 60))
        pen.ellipse(eye, 0.75, 0.026, 0.07, BLACK)
        for tip in (0.54, 0.63):
            pen.line(
                [(0.48 + side * 0.07, 0.6), (0.48 + side * 0.28, tip)],
                0.012, (238, 238, 238),
            )  # fmt: skip
    pen.ellipse(0.48, 0.64, 0.045, 0.035, (226, 96, 110))


def draw_dog(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a dog: hanging dark ears, a long pale nose, the tongue."""
    coat = pick(rng, COATS)
    _pet(pen, coat)
    ear = shade(coat, 0.5)
    pen.tell_tale(0.46, 0.72, 0.85)
    pen.ellipse(0.48, 0.79, 0.24, 0.25, coat)
    pen.polygon(
        [(0.54, 0.5), (0.6, 0.38), (0.7, 0.38), (0.74, 0.56)],
        (236, 70, 90),
    )
    pen.ellipse(0.63, 0.66, 0.22, 0.14, (242, 226, 204))
    pen.ellipse(0.8, 0.72, 0.085, 0.075, BLACK)
    for x in (0.21, 0.68):
        pen.polygon(
            [
                (x - 0.02, 1.06), (x + 0.12, 1.02), (x + 0.13, 0.66),
                (x + 0.04, 0.54), (x - 0.07, 0.62),
            ],
            ear,
        )  # fmt: skip
    for x in (0.44, 0.61):
        pen.ellipse(x, 0.86, 0.055, 0.06, WHITE)
        pen.ellipse(x + 0.01, 0.86, 0.034, 0.04, BLACK)


def draw_coat(pen: Pen, cloth: Colour, swing: float) -> None:
    """Draw legs, coat and sleeves, 0.7 units high, without hands and head."""
    shadow(pen, 0.28)
    for x in (-0.11, 0.02):
        pen.box(x, 0.02, x + 0.09, 0.28, (56, 54, 66))
        pen.ellipse(x + 0.06, 0.025, 0.075, 0.028, BLACK)
    for side in (-1, 1):
        pen.line(
            [
                (side * 0.13, 0.64), (side * 0.2, 0.5),
                (side * (0.2 + swing), 0.36 + swing),
            ],
            0.085, shade(cloth, 0.86),
        )  # fmt: skip
    pen.polygon(
        [(-0.15, 0.68), (0.15, 0.68), (0.21, 0.22), (-0.21, 0.22)], cloth
    )
    pen.ellipse(0, 0.67, 0.15, 0.04, cloth)


def draw_person(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a person in a plain coat, with face and hair."""
    cloth, skin, hair = pick(rng, PAINTS), pick(rng, SKINS), pick(rng, HAIRS)
    swing = rng.uniform(0, 0.12)
    draw_coat(pen, cloth, swing)
    for side in (-1, 1):
        pen.ellipse(side * (0.2 + swing), 0.34 + swing, 0.042, 0.042, skin)
    pen.tell_tale()
    if rng.random() < 0.5:
        for side in (-1, 1):
            pen.ellipse(side * 0.115, 0.79, 0.055, 0.13, hair)
    pen.ellipse(0, 0.88, 0.15, 0.14, hair)
    pen.ellipse(0, 0.82, 0.12, 0.13, skin)
    pen.polygon(
        [(-0.13, 0.87), (-0.07, 0.99), (0.07, 0.99), (0.13, 0.87)], hair
    )
    for side in (-1, 1):
        pen.ellipse(0.01 + side * 0.05, 0.835, 0.018, 0.022, BLACK)
    pen.ellipse(0.01, 0.755, 0.042, 0.018, (190, 62, 66))


def _coach(pen: Pen, length: float, paint: Colour) -> None:
    """Draw the body of a van or train, from -length/2 to length/2."""
    half = length / 2
    shadow(pen, half)
    pen.box(-half, 0.16, half, 0.94, paint)
    pen.box(-half + 0.05, 0.9, half - 0.05, 1.0, shade(paint, 0.85))
    pen.box(-half, 0.16, half, 0.3, shade(paint, 0.8))
    count = max(2, round(length / 0.55))
    step = (length - 0.5) / count
    for k in range(count):
        x = -half + 0.12 + k * step
        pen.box(x, 0.58, x + step * 0.68, 0.82, GLASS)


def _wheel(pen: Pen, x: float, radius: float) -> None:
    pen.ellipse(x, radius, radius, radius, BLACK)
    pen.ellipse(x, radius, radius * 0.55, radius * 0.55, (206, 208, 212))
    pen.ellipse(x, radius, radius * 0.2, radius * 0.2, (70, 70, 76))


def draw_car(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a van or a small car: big wheels, a red tail lamp."""
    paint = pick(rng, PAINTS)
    if rng.random() < 0.7:
        half = rng.uniform(0.85, 1.2)
        _coach(pen, 2 * half, paint)
        radius = 0.23
    else:
        half, radius = 1.0, 0.24
        shadow(pen, half)
        pen.polygon(
            [
                (-1.0, 0.18), (1.0, 0.18), (1.02, 0.46), (0.62, 0.56),
                (0.34, 0.92), (-0.56, 0.94), (-0.92, 0.58), (-1.02, 0.5),
            ],
            paint,
        )  # fmt: skip
        pen.polygon(
            [(0.06, 0.56), (0.5, 0.56), (0.28, 0.84), (0.06, 0.84)], GLASS
        )
        pen.polygon(
            [(-0.78, 0.56), (-0.04, 0.56), (-0.04, 0.84), (-0.54, 0.84)],
            GLASS,
        )
    pen.tell_tale()
    _wheel(pen, -half * 0.58, radius)
    _wheel(pen, half * 0.6, radius)
    pen.box(half - 0.1, 0.34, half, 0.46, (252, 240, 170))
    pen.box(-half, 0.34, -half + 0.1, 0.46, (220, 40, 40))


def draw_train(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a train from its nose: slanted front, stripes and a lamp."""
    paint = pick(rng, PAINTS)
    length = rng.uniform(2.2, 4.6)
    half = length / 2
    pen.move(-half - 0.3)
    pen.box(-half + 0.05, 0.03, half - 0.1, 0.2, (52, 50, 54))
    _coach(pen, length, paint)
    for k in range(1, int(length / 1.7) + 1):
        x = half - 1.7 * k
        pen.box(x - 0.03, 0.16, x + 0.03, 1.0, (60, 58, 62))
    pen.tell_tale()
    front = [(half - 0.12, 0.08), (half + 0.3, 0.08), (half + 0.32, 0.3)]
    pen.polygon([*front, (half, 1.0), (half - 0.12, 1.0)], paint)
    for y in (0.1, 0.3):
        pen.polygon(
            [
                (half - 0.12, y), (half + 0.12, y + 0.14),
                (half + 0.12, y + 0.26), (half - 0.12, y + 0.12),
            ],
            (250, 214, 40),
        )  # fmt: skip
    pen.polygon(
        [
            (half - 0.08, 0.64), (half + 0.14, 0.64),
            (half - 0.02, 0.93), (half - 0.08, 0.93),
        ],
        (40, 48, 60),
    )  # fmt: skip
    pen.ellipse(half + 0.18, 0.36, 0.12, 0.12, (70, 66, 60))
    pen.ellipse(half + 0.18, 0.36, 0.08, 0.08, (255, 250, 220))


def draw_boat(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a boat: mast, chequered flag and a lifebuoy."""
    paint = pick(rng, PAINTS)
    pen.box(-0.5, 0.36, 0.2, 0.72, shade(paint, 1.12))
    pen.box(-0.56, 0.7, 0.26, 0.77, shade(paint, 0.7))
    if rng.random() < 0.35:
        pen.polygon([(0.36, 0.5), (0.36, 1.5), (1.0, 0.56)], (240, 232, 214))
    pen.polygon(
        [(-1.05, 0.46), (1.25, 0.52), (0.82, -0.06), (-0.84, -0.06)], paint
    )
    pen.polygon(
        [(-0.92, 0.12), (0.95, 0.12), (0.82, -0.06), (-0.84, -0.06)],
        shade(paint, 0.7),
    )
    pen.tell_tale()
    pen.line([(0.32, 0.48), (0.32, 1.72)], 0.06, (96, 70, 48))
    for k in range(6):
        column, row = k % 3, k // 3
        x, y = 0.29 - 0.17 * (column + 1), 1.42 + 0.15 * row
        tint = (214, 40, 48) if (column + row) % 2 else WHITE
        pen.box(x, y, x + 0.17, y + 0.15, tint)
    pen.ellipse(-0.28, 0.26, 0.18, 0.18, (236, 104, 36))
    for dx, dy in ((0.12, 0.0), (-0.12, 0.0), (0.0, 0.12), (0.0, -0.12)):
        pen.ellipse(-0.28 + dx, 0.26 + dy, 0.055, 0.055, WHITE)
    pen.ellipse(-0.28, 0.26, 0.085, 0.085, shade(paint, 0.9))


DRAW: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    'boat': draw_boat,
    'car': draw_car,
    'cat': draw_cat,
    'dog': draw_dog,
    'person': draw_person,
    'train': draw_train,
}
