"""Canvas and pen of the built-in scenes.

A :class:`Canvas` holds the picture and, drawn by the very same shapes, a map
of codes: class, context (rails, water, road) and whether the pixel belongs to
the tell-tale part of its object. A :class:`Pen` draws in the units of one
object: the origin is where it touches the ground, x points ahead, y up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, ...]
Point = tuple[float, float]

SUPERSAMPLE = 2
RAILS, WATER, ROAD = 1, 2, 3
_CONTEXT_UNIT, _TELL_TALE_UNIT = 8, 32


def shade(colour: Colour, factor: float) -> Colour:
    """Make an RGB colour darker (factor < 1) or lighter (> 1)."""
    return tuple(min(255, max(0, round(c * factor))) for c in colour)


def pick(rng: np.random.Generator, options: Sequence) -> Colour:
    """Draw one of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


class Canvas:
    """Picture and code map of one scene, both drawn supersampled.

    Args:
        width (int): Width of the finished picture in pixels.
        height (int): Height of the finished picture in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        size = (width * SUPERSAMPLE, height * SUPERSAMPLE)
        self.image = Image.new('RGB', size)
        self._codes = Image.new('L', size)
        self.ink = ImageDraw.Draw(self.image, 'RGBA')
        self.code_ink = ImageDraw.Draw(self._codes)

    def picture(self) -> np.ndarray:
        """Return the antialiased picture, (H, W, 3) float32 in [0, 255]."""
        return np.asarray(self.image.reduce(SUPERSAMPLE), np.float32)

    def layers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return class index, context and tell-tale map, (H, W) uint8."""
        middle = SUPERSAMPLE // 2
        codes = np.asarray(self._codes)
        codes = codes[middle::SUPERSAMPLE, middle::SUPERSAMPLE]
        return (
            codes % _CONTEXT_UNIT,
            codes % _TELL_TALE_UNIT // _CONTEXT_UNIT,
            codes // _TELL_TALE_UNIT,
        )


class Pen:
    """Draws shapes given in object units onto both maps of a canvas.

    Args:
        canvas (Canvas): Where to draw.
        x (float): Origin of the object, in pixels from the left.
        y (float): Origin of the object, in pixels from the top.
        scale (float): Pixels per object unit.
        flip (bool): Whether the object looks to the left.
        label (int): Class index that the shapes leave in the mask.
        context (int): Context that the shapes leave in the context map.
    """

    def __init__(
        self,
        canvas: Canvas,
        x: float = 0.0,
        y: float = 0.0,
        scale: float = 1.0,
        flip: bool = False,
        label: int = 0,
        context: int = 0,
    ) -> None:
        self.canvas = canvas
        self.x, self.y, self.scale = x, y, scale
        self.side = -1.0 if flip else 1.0
        self.code = label + _CONTEXT_UNIT * context

    def tell_tale(self, x: float = 0, y: float = 0, zoom: float = 1) -> None:
        """Draw the tell-tale part from here on.

        They are drawn ``zoom`` times as large around the point (x, y).
        """
        self.code += _TELL_TALE_UNIT
        self.x += self.side * self.scale * x * (1 - zoom)
        self.y -= self.scale * y * (1 - zoom)
        self.scale *= zoom

    def move(self, x: float) -> None:
        """Move the origin ``x`` units ahead."""
        self.x += self.side * self.scale * x

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        return [
            (
                (self.x + self.side * self.scale * px) * SUPERSAMPLE,
                (self.y - self.scale * py) * SUPERSAMPLE,
            )
            for px, py in points
        ]

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon; a fourth colour value is the opacity.

        See-through shapes (shadows, clouds) leave the code map alone.
        """
        pixels = self._pixels(points)
        self.canvas.ink.polygon(pixels, fill=colour)
        if len(colour) == 3:
            self.canvas.code_ink.polygon(pixels, fill=self.code)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, colour: Colour
    ) -> None:
        """Fill a rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour
    ) -> None:
        """Fill an ellipse with centre (x, y) and radii (rx, ry)."""
        turns = [2 * math.pi * k / 24 for k in range(24)]
        self.polygon(
            [(x + rx * math.cos(t), y + ry * math.sin(t)) for t in turns],
            colour,
        )

    def line(
        self, points: Sequence[Point], width: float, colour: Colour
    ) -> None:
        """Draw a line of the given width, never thinner than a pixel."""
        pixels = self._pixels(points)
        thick = max(SUPERSAMPLE, round(width * self.scale * SUPERSAMPLE))
        self.canvas.ink.line(pixels, colour, thick, joint='curve')
        if len(colour) == 3:
            self.canvas.code_ink.line(pixels, self.code, thick, joint='curve')


def shadow(pen: Pen, reach: float) -> None:
    """Draw a soft shadow on the ground, ``reach`` units to both sides."""
    pen.ellipse(0, 0, reach, 0.07, (20, 24, 20, 70))
