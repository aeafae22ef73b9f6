"""Contact sheets: pictures and label maps side by side in one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GAP, _LINE, _MARGIN = 4, 14, 3
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_NO_CLASS = (255, 255, 255)  # of labels without a class


def colorize(
    label: np.ndarray, palette: Sequence[Sequence[int]]
) -> np.ndarray:
    """Return a label map as a picture.

    Args:
        label (np.ndarray): Integer label map (H, W).
        palette (Sequence[Sequence[int]]): One RGB triple of 0 to 255 per
            class.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB; labels without a class, e.g. 255
        (ignored) and 254 (biased), are white.

    Raises:
        ValueError: If the label map is not 2-D and integer, or a colour is
            not an RGB triple.
    """
    label = np.asarray(label)
    if label.ndim != 2 or not np.issubdtype(label.dtype, np.integer):
        raise ValueError(
            'label must be an integer map (H, W), got shape '
            f'{label.shape} and dtype {label.dtype}'
        )
    if any(len(color) != 3 for color in palette):
        raise ValueError('palette must be RGB triples')
    colors = np.array([*palette, _NO_CLASS])
    known = (label >= 0) & (label < len(palette))
    return colors.astype(np.uint8)[np.where(known, label, len(palette))]


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    row_titles: Sequence[str] | None = None,
    column_titles: Sequence[str] | None = None,
) -> Image.Image:
    """Draw a grid of pictures into one image.

    A cell has the largest width and height among the pictures. Each keeps its
    aspect ratio, is enlarged to its cell and centred. Rows may differ in
    length.

    Args:
        rows (Sequence[Sequence[np.ndarray]]): Rows of pictures, each uint8,
            (H, W, 3) RGB or (H, W) grey. For label maps see
            :func:`colorize`.
        row_titles (Sequence[str] | None): A title for every row, on its
            left.
        column_titles (Sequence[str] | None): A title for every column, on
            top.

    Returns:
        Image.Image: The sheet, RGB.

    Raises:
        ValueError: If there is no picture, a picture is of another kind, or
            the number of titles does not fit.
    """
    pictures = [
        [_picture(item, f'row {r}, column {c}') for c, item in enumerate(row)]
        for r, row in enumerate(rows)
    ]
    columns = max((len(row) for row in pictures), default=0)
    if not columns:
        raise ValueError('rows must hold at least one picture')
    _check_titles('row_titles', row_titles, len(pictures))
    _check_titles('column_titles', column_titles, columns)
    sizes = [picture.size for row in pictures for picture in row]
    cell = tuple(max(side) for side in zip(*sizes, strict=True))

    font = ImageFont.load_default()
    widths = [font.getlength(title) for title in row_titles or ()]
    left = round(max(widths)) + 2 * _MARGIN if widths else 0
    top = _LINE if column_titles else 0
    step_x, step_y = cell[0] + _GAP, cell[1] + _GAP
    sheet = Image.new(
        'RGB',
        (
            left + columns * step_x + _GAP,
            top + len(pictures) * step_y + _GAP,
        ),
        _PAPER,
    )
    ink = ImageDraw.Draw(sheet)
    for c, title in enumerate(column_titles or ()):
        middle = left + _GAP + c * step_x + cell[0] / 2
        at = (middle - font.getlength(title) / 2, _MARGIN)
        ink.text(at, title, _INK, font)
    for r, row in enumerate(pictures):
        y = top + _GAP + r * step_y
        if row_titles:
            at = (_MARGIN, y + (cell[1] - _LINE) / 2)
            ink.text(at, row_titles[r], _INK, font)
        for c, picture in enumerate(row):
            picture = _fit(picture, cell)
            x = left + _GAP + c * step_x
            free = (cell[0] - picture.width, cell[1] - picture.height)
            sheet.paste(picture, (x + free[0] // 2, y + free[1] // 2))
    return sheet


def _picture(item: np.ndarray, place: str) -> Image.Image:
    item = np.asarray(item)
    grey = item.ndim == 2
    colour = item.ndim == 3 and item.shape[2] == 3
    if item.dtype != np.uint8 or not (grey or colour) or not item.size:
        raise ValueError(
            f'{place}: a picture must be uint8 of shape (H, W, 3) or '
            f'(H, W), got {item.dtype} {item.shape}'
        )
    return Image.fromarray(item).convert('RGB')


def _fit(picture: Image.Image, cell: tuple[int, int]) -> Image.Image:
    """Enlarge to fit the cell; the pixels stay sharp."""
    scale = min(cell[0] / picture.width, cell[1] / picture.height)
    if scale == 1:
        return picture
    size = [round(scale * side) for side in picture.size]
    return picture.resize(size, Image.Resampling.NEAREST)


def _check_titles(name: str, titles: Sequence[str] | None, count: int) -> None:
    if titles is not None and len(titles) != count:
        raise ValueError(f'{name} must be {count} titles, got {len(titles)}')
