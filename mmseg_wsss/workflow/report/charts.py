"""Charts as inline SVG, drawn by matplotlib."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from textwrap import fill
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup
from matplotlib import style
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from .curves import Series, thin

# Contrast of at least 4.5 : 1 on white.
COLOURS = (
    *('#0b5fa5', '#c2410c', '#15803d', '#7e22ce'),
    *('#8a5a00', '#be185d', '#0f766e', '#374151'),
)
DASHES = ('-', '--', ':', '-.')
SHARES = {
    'right (mIoU)': '#0b5fa5',
    'false (FP)': '#c2410c',
    'missed (FN)': '#5b6675',
}
SHADES = LinearSegmentedColormap.from_list('shades', ['white', '#084081'])
# Width of a chart, and height of a line of text, in CSS pixels.
_WIDTH, _LINE = 360, 20
_INK, _GRID = '#1b2430', '#dfe4eb'
_STYLE = [
    'default',
    {
        **dict.fromkeys(('text.color', 'axes.labelcolor'), _INK),
        **dict.fromkeys(('xtick.color', 'ytick.color'), _INK),
        **dict.fromkeys(('xtick.major.size', 'ytick.major.size'), 0),
        **dict.fromkeys(('axes.spines.top', 'axes.spines.right'), False),
        'axes.spines.left': False,
        'axes.edgecolor': _INK,
        'axes.axisbelow': True,
        'figure.dpi': 72,
        'font.size': 13,
        'grid.color': _GRID,
        'legend.frameon': False,
        'lines.linewidth': 2,
        'lines.solid_capstyle': 'round',
        'svg.fonttype': 'none',
        'text.parse_math': False,
    },
]


def line_style(index: int) -> tuple[str, str]:
    """Return the colour and dashes of a curve: 32 different pairs."""
    turn, colour = divmod(index, len(COLOURS))
    return COLOURS[colour], DASHES[turn % len(DASHES)]


def line_chart(
    series: Series,
    title: str,
    x_label: str,
    bounds: tuple[float, float] | None = None,
) -> Markup:
    """Draw curves over one axis.

    Args:
        series: Points (x, y) by name, finite; at least one.
        title: Accessible name of the chart.
        x_label: Name of the x axis.
        bounds: Range of the y axis; from 0 or the least y if None.

    Returns:
        Markup: An ``svg`` element with a legend.
    """
    names = [fill(name, 42) for name in series]
    lines = sum(name.count('\n') + 1 for name in names)
    with style.context(_STYLE):
        figure = _figure(_WIDTH, 260 + _LINE * lines, layout='constrained')
        axes = figure.subplots()
        for k, (name, points) in enumerate(
            zip(names, series.values(), strict=True)
        ):
            colour, dash = line_style(k)
            x, y = zip(*thin(points), strict=True)
            axes.plot(x, y, dash, c=colour, label=name)
            if len(points) < 3:
                # Lines without length, as markers would be references.
                axes.plot([x, x], [y, y], c=colour, lw=7)
        axes.grid(axis='y')
        axes.margins(y=0)
        low, high = axes.get_ylim()
        axes.set_ylim(*(bounds or (min(low, 0), high)))
        axes.set_xlabel(x_label)
        axes.locator_params('y', nbins=5)
        axes.locator_params('x', nbins=5, integer=True)
        figure.legend(loc='outside lower left')
        return _svg(figure, title)


def stacked_bars(rows: Sequence[tuple[str, Sequence[float]]]) -> Markup:
    """Draw a bar of three shares for each row.

    Args:
        rows: Name, and shares of mIoU, FP and FN in percent, up to 100
            together; NaN counts as 0.

    Returns:
        Markup: An ``svg`` element with a legend; its accessible name holds
        the shares.
    """
    title = 'mIoU, FP and FN in percent: ' + '; '.join(
        f'{name} ' + ', '.join(f'{share:.1f}' for share in shares)
        for name, shares in rows
    )
    shares = np.nan_to_num(np.array([shares for _, shares in rows]))
    begins = np.cumsum(shares, 1) - shares
    with style.context(_STYLE):
        height = 28 * len(rows) + 2 * _LINE
        figure = _figure(_WIDTH, height, layout='constrained')
        axes = figure.subplots()
        for k, (label, colour) in enumerate(SHARES.items()):
            look = dict(height=0.72, color=colour, label=label)
            place = range(len(rows)), shares[:, k]
            bars = axes.barh(*place, left=begins[:, k], **look)
            texts = [f'{x:.1f}' if x > 12 else '' for x in shares[:, k]]
            axes.bar_label(bars, texts, label_type='center', color='white')
        names = [fill(name, 18) for name, _ in rows]
        axes.set(xlim=(0, 100), ylim=(len(rows) - 0.5, -0.5), xticks=[])
        axes.set_yticks(range(len(rows)), names)
        axes.spines.bottom.set_visible(False)
        narrow = dict(handlelength=1, handletextpad=0.4, columnspacing=1)
        figure.legend(loc='outside lower left', ncols=3, **narrow)
        return _svg(figure, title)


def heat_map(
    shares: np.ndarray,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
) -> Markup:
    """Draw a matrix; the darker a cell, the larger its share.

    Args:
        shares: (R, C) in [0, 1], NaN for cells to leave empty.
        texts: Text of each cell; '' for none.
        rows: Names of the R rows.
        columns: Names of the C columns.
        title: Accessible name of the chart.

    Returns:
        Markup: An ``svg`` element of fixed width.
    """
    least, size = 24, 10
    if len(columns) <= 30:
        least, size = (38, 13) if len(columns) <= 12 else (28, 11)
    longest = max(len(text) for row in texts for text in row)
    side = max(least, 4 + 0.65 * size * longest)
    with style.context([*_STYLE, {'font.size': max(size, 11)}]):
        figure = _figure(side * len(columns), side * len(rows))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(
            np.ma.masked_invalid(shares) ** 0.7,
            cmap=SHADES,
            vmin=0,
            vmax=1,
            interpolation='none',
        )
        # The layout need not measure what is inside the axes.
        cell = dict(size=size, ha='center', va='center_baseline')
        cell['in_layout'] = False
        for (r, c), share in np.ndenumerate(shares):
            if texts[r][c]:
                # Contrast of at least 4.5 : 1 on either side of the limit.
                ink = 'white' if share > 0.61 else 'black'
                axes.text(c, r, texts[r][c], color=ink, **cell)
        axes.set_yticks(range(len(rows)), rows)
        axes.xaxis.tick_top()
        slanted = dict(rotation=50, ha='left', rotation_mode='anchor')
        axes.set_xticks(range(len(columns)), columns, **slanted)
        axes.spines[:].set(visible=True, color=_GRID)
        return _svg(figure, title, fixed=True, bbox_inches='tight')


def _figure(width: float, height: float, **options) -> Figure:
    """Return a figure in CSS pixels, as one point is one unit of the SVG."""
    return Figure((width / 72, height / 72), **options)


def _svg(figure: Figure, title: str, fixed: bool = False, **options) -> Markup:
    """Write a figure as an ``svg`` element to put into a page.

    It has neither ids nor references to them, so that several charts in one
    page cannot clash: clip paths are removed, and there are no tick marks.
    The page determines the font.

    Args:
        figure: The figure.
        title: Accessible name.
        fixed: Whether it keeps its width on narrow screens.
        **options: Of ``savefig``.

    Returns:
        Markup: The element.
    """
    file = io.StringIO()
    metadata = dict.fromkeys(('Creator', 'Date', 'Format', 'Type'))
    with warnings.catch_warnings():
        # Glyphs that its font lacks: the page's reader has other fonts.
        warnings.simplefilter('ignore', UserWarning)
        figure.savefig(file, format='svg', metadata=metadata, **options)
    root = ElementTree.fromstring(file.getvalue())
    box = root.get('viewBox')
    width = float(box.split()[2])
    for defs in root.findall('{*}defs'):
        root.remove(defs)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {
            _local(name): re.sub('font-family: [^;]*; ', '', value)
            for name, value in element.attrib.items()
            if name not in ('id', 'clip-path')
            and not value.startswith('rotate(-0 ')
        }
        element.tail = None
        if not (element.text or '').strip():
            element.text = None
    size = f'width:{width:.0f}px'
    size = size if fixed else f'max-width:{1.25 * width:.0f}px'
    root.attrib = {'role': 'img', 'aria-label': title}
    root.attrib |= {'viewBox': box, 'style': size}
    return Markup(ElementTree.tostring(root, encoding='unicode'))


def _local(name: str) -> str:
    """Return an XML name without its namespace."""
    return name.rpartition('}')[2]
