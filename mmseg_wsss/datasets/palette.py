"""The colours of PASCAL VOC masks."""

from __future__ import annotations


def voc_palette(num_colors: int) -> list[list[int]]:
    """Return the first colours of the VOC map.

    The bits of an index, three at a time from the lowest, go to red, green
    and blue, from their highest bit down: 1 is dark red, 255 is nearly white.

    Args:
        num_colors: Number of colours, at most 256.

    Returns:
        list[list[int]]: RGB triples, 0..255.

    Raises:
        ValueError: If ``num_colors`` is not in [0, 256].
    """
    if not 0 <= num_colors <= 256:
        raise ValueError(f'num_colors must be in [0, 256], got {num_colors}')
    colors = []
    for index in range(num_colors):
        color = [0, 0, 0]
        for step in range(8):
            for channel in range(3):
                bit = index >> (3 * step + channel) & 1
                color[channel] |= bit << (7 - step)
        colors.append(color)
    return colors
