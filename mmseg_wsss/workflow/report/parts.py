"""Small parts of the page, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .charts import line_style
from .collect import Group

NO_MASKS = 'There are no masks to compare with.'


def section(title: str, inner: str) -> str:
    """Put HTML under a title."""
    return f'<section><h2>{escape(title)}</h2>{inner}</section>'


def text(words: str) -> str:
    """Make a paragraph of plain text."""
    return f'<p>{escape(words)}</p>'


def figure(inner: str, words: str) -> str:
    """Put a caption, plain text, below HTML."""
    return f'<figure>{inner}<figcaption>{escape(words)}</figcaption></figure>'


def scroll(inner: str, label: str) -> str:
    """Wrap what may be wider than the screen."""
    return (
        f'<div class="scroll" tabindex="0" role="region" '
        f'aria-label="{escape(label)}">{inner}</div>'
    )


def swatch(colour: str | Sequence[int]) -> str:
    """Draw a small square of a colour, CSS or an RGB triple."""
    if not isinstance(colour, str):
        colour = f'rgb({",".join(str(int(part)) for part in colour)})'
    return f'<span class="swatch" style="background:{colour}"></span>'


def legend(items: Iterable[tuple[str, str]]) -> str:
    """List marks, HTML, and what they mean, plain text."""
    lines = (f'<li>{mark}{escape(words)}</li>' for mark, words in items)
    return f'<ul class="legend">{"".join(lines)}</ul>'


def line_mark(place: int) -> str:
    """Draw a piece of a curve, as a chart draws it."""
    colour, dash = line_style(place)
    dashes = f' stroke-dasharray="{dash}"' if dash else ''
    return (
        '<svg class="key" viewBox="0 0 24 8" aria-hidden="true"><path '
        f'd="M0 4H24" stroke-width="3" stroke="{colour}"{dashes}/></svg>'
    )


def names_of(group: Group) -> str:
    """Name the stages of a group."""
    return ', '.join(stage.name for stage in group.stages)
