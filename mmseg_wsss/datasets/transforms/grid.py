"""Check that a grid of cells belongs to an image."""

from __future__ import annotations

import os


def check_grid(
    path: str | os.PathLike,
    content: str,
    cells: tuple[int, int],
    pixels: tuple[int, int],
) -> None:
    """Check that a grid is the image's at some stride.

    Args:
        path: File of the grid, for the error.
        content: What it holds, for the error: ``'CAMs'`` or ``'features'``.
        cells: Rows and columns of the grid.
        pixels: Height and width of the image.

    Raises:
        ValueError: If the grid is finer than the image or has another shape.
    """
    stride = max(pixels) / max(*cells, 1)
    # Networks round sizes up or down, by less than a cell.
    apart = [abs(p / stride - c) for p, c in zip(pixels, cells, strict=True)]
    if min(cells) < 1 or stride < 1 or max(apart) > 1:
        raise ValueError(
            f'{path} has {content} of {cells[0]} x {cells[1]} cells, which '
            f'do not fit an image of {pixels[0]} x {pixels[1]} pixels: do '
            'they belong to another image or another size of it?'
        )
