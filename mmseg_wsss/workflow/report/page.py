"""The report: one HTML file that loads nothing else."""

from __future__ import annotations

import math
import os
import platform
import time
from importlib import import_module
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ...compat import stack_name
from ...io.atomic import atomic_write
from ...version import __version__
from . import sections
from .collect import Content, collect
from .doubts import doubted_photos
from .strips import build_strips
from .take_away import take_away

FILE = 'report.html'
# Bytes of the whole page, except with very many images.
_MAX_PAGE = 4_800_000


def write_report(
    work_dir: str | os.PathLike,
    out: str | os.PathLike | None = None,
    max_images: int = 1000,
    show: int = 3,
    seed: int = 0,
) -> Path:
    """Write a page that shows the results of every stage of a pipeline.

    It has the stages' figures, curves, confusion and co-occurrence maps,
    images through all stages, doubted image labels, and the settings.
    Everything is inside the file; it is less than 5 MB.

    Args:
        work_dir: Folder that ``tools/run_pipeline.py`` wrote. Stages may be
            missing or have failed, and images may have no masks.
        out: The file to write; ``report.html`` in ``work_dir`` if None.
        max_images: Images that are compared with their masks, for each set
            of images; of more, as many are drawn.
        show: Images to show of the worst, of the middle and of the best.
        seed: Of the draws.

    Returns:
        Path: The file.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds no stage, or an option is out of range.
    """
    work_dir = Path(work_dir)
    content = collect(work_dir, max_images, show, seed)
    out = work_dir / FILE if out is None else Path(out)
    with atomic_write(out) as part:
        part.write_text(render(content), encoding='utf-8')
    return out


def render(content: Content) -> str:
    """Return the page as HTML.

    Args:
        content: What it shows.

    Returns:
        str: HTML.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, in_words=in_words)
    view = {
        'content': content,
        'made': time.strftime('%Y-%m-%d %H:%M %Z'),
        'versions': ', '.join(_versions()),
        'shares': sections.shares_chart(content),
        'full_shares': sections.full_shares(content),
        'class_tables': list(sections.class_tables(content)),
        'confusion': sections.confusion_matrix(content),
        'trainings': sections.training_charts(content),
        'labels': sections.label_matrix(content),
        'doubts': doubted_photos(content),
        'take_away': take_away(content),
    }
    page = environment.get_template('page.html.j2')
    room = _MAX_PAGE - len(page.render(view, strip_groups=[]).encode())
    return page.render(view, strip_groups=list(build_strips(content, room)))


def number(value: float | None, digits: int = 1) -> str:
    """Return a number as text; a dash for None, NaN and infinity."""
    if value is None or not math.isfinite(value):
        return '-'
    return f'{value:.{digits}f}'


def in_words(seconds: float) -> str:
    """Return a time as text: '34 s', '2 min 5 s', '3 h 20 min'."""
    seconds = round(seconds)
    if seconds < 60:
        return f'{seconds} s'
    if seconds < 3600:
        return f'{seconds // 60} min {seconds % 60} s'
    return f'{seconds // 3600} h {seconds % 3600 // 60} min'


def _versions() -> list[str]:
    """Return the versions that the report was made with."""
    modules = ('mmengine', 'mmcv', 'mmseg', 'torch')
    return [
        f'mmseg_wsss {__version__}',
        *(f'{name} {import_module(name).__version__}' for name in modules),
        f'stack {stack_name()}',
        f'Python {platform.python_version()}',
    ]
