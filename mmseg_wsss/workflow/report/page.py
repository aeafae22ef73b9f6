"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from html import escape
from importlib import import_module
from pathlib import Path
from string import Template

from ...compat import stack_name
from ...io.atomic import atomic_write
from ...version import __version__
from . import sections, strips, training
from .collect import Content, collect
from .tables import in_words

FILE = 'report.html'
_HERE = Path(__file__).parent
# Bytes of the whole page, but for very many images.
_MAX_PAGE = 4_800_000
_BEFORE = (sections.stages_section,)
_AFTER = (
    sections.classes_section,
    sections.confusion_section,
    training.curves_section,
    sections.labels_section,
    sections.settings_section,
)


def write_report(
    work_dir: str | os.PathLike,
    out: str | os.PathLike | None = None,
    max_images: int = 1000,
    show: int = 3,
    seed: int = 0,
) -> Path:
    """Write a page that shows what came out at every stage of a pipeline.

    It has the stages' figures, curves, confusion and co-occurrence maps,
    images through all stages, and the settings. Everything is inside the
    file; it is less than 5 MB.

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
    """Lay the page out.

    Args:
        content: What it tells.

    Returns:
        str: HTML.
    """
    template = Template((_HERE / 'page.html').read_text(encoding='utf-8'))
    before, after = (
        '\n'.join(section(content) for section in part)
        for part in (_BEFORE, _AFTER)
    )
    room = _MAX_PAGE - len(f'{before}{after}'.encode())
    pictures = strips.strips_section(content, room)
    return template.substitute(
        title=escape(f'{content.name}: report'),
        style=(_HERE / 'page.css').read_text(encoding='utf-8'),
        name=escape(content.name),
        facts=_facts(content),
        notes=_notes(content.notes),
        sections=f'{before}\n{pictures}\n{after}',
    )


def _facts(content: Content) -> str:
    """The head of the page: when, how long, with what."""
    done = [s for s in content.stages if s.status == 'finished']
    on = [s for s in content.stages if s.status != 'off']
    seconds = sum(stage.seconds or 0 for stage in done)
    seeds = {str(s.seed) for s in on if s.seed is not None}
    facts = {
        'Made': time.strftime('%Y-%m-%d %H:%M %Z'),
        'Stages': f'{len(done)} of {len(on)} finished',
        'Time': in_words(seconds) if done else '-',
        'Seed': ', '.join(sorted(seeds)) or '-',
        'Folder': str(content.work_dir.resolve()),
        'Versions': ', '.join(_versions()),
    }
    wide = ' class="wide"'
    items = [
        f'<div{wide if len(value) > 24 else ""}><dt>{name}</dt>'
        f'<dd>{escape(value)}</dd></div>'
        for name, value in facts.items()
    ]
    return f'<dl class="facts">{"".join(items)}</dl>'


def _versions() -> list[str]:
    """Versions of what the report was made with."""
    modules = ('mmengine', 'mmcv', 'mmseg', 'torch')
    return [
        f'mmseg_wsss {__version__}',
        *(f'{name} {import_module(name).__version__}' for name in modules),
        f'stack {stack_name()}',
        f'Python {platform.python_version()}',
    ]


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ''
    items = ''.join(f'<li>{escape(note)}</li>' for note in notes)
    return (
        f'<div class="notes"><h2>Could not be read</h2><ul>{items}</ul></div>'
    )
