"""Let the links of the repository's Markdown files work in the site.

A page may include a file of the repository, for instance a method's README,
so that there is one copy of it. Links and pictures in that file are relative
to where it lies, as GitHub needs it. While Sphinx reads a page they are
rewritten:

* a file that is included in a page becomes a link to that page;
* any other file is given by its path as seen from the page; Sphinx copies
  pictures and offers the rest for download.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

INCLUDE = re.compile(r'^```\{include\} (\S+)$', re.MULTILINE)
FENCE = re.compile(r'^\s*```')
LINK = re.compile(r'(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)')


def included_files(docs: Path) -> dict[Path, Path]:
    """Map the repository's files to the pages that include them.

    Args:
        docs: The folder of the pages.

    Returns:
        dict[Path, Path]: Absolute paths.
    """
    pages = {}
    for page in sorted(docs.rglob('*.md')):
        for target in INCLUDE.findall(page.read_text(encoding='utf-8')):
            pages[(page.parent / target).resolve()] = page
    return pages


def rewrite_links(
    text: str, folder: Path, page_folder: Path, pages: dict[Path, Path]
) -> str:
    """Rewrite relative links for the page in which a text is shown.

    Args:
        text: Markdown. Fenced code stays as it is.
        folder: The folder to which its links are relative.
        page_folder: The folder of the page.
        pages: Result of :func:`included_files`.

    Returns:
        str: The text with links relative to ``page_folder``.
    """

    def rewrite(match: re.Match) -> str:
        path = (folder / match[1]).resolve()
        return Path(
            os.path.relpath(pages.get(path, path), page_folder)
        ).as_posix()

    lines, in_code = [], False
    for line in text.split('\n'):
        if FENCE.match(line):
            in_code = not in_code
        lines.append(line if in_code else LINK.sub(rewrite, line))
    return '\n'.join(lines)


def setup(app) -> dict:
    """Register with Sphinx."""
    docs = Path(app.srcdir).resolve()
    pages = included_files(docs)

    def on_include(app, path, parent, content):
        folder = (docs / path).resolve().parent
        page_folder = (docs / app.env.docname).parent
        content[0] = rewrite_links(content[0], folder, page_folder, pages)

    def on_page(app, docname, content):
        folder = (docs / docname).parent
        content[0] = rewrite_links(content[0], folder, folder, pages)

    app.connect('include-read', on_include)
    app.connect('source-read', on_page)
    return {'parallel_read_safe': True}
