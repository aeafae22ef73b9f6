"""Typeset equations as MathML, which browsers show without a script.

The site is read offline, so it cannot load MathJax from a server.
"""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert

TAG = re.compile(r'\\tag\{([^}]*)\}')


def visit_inline(translator, node: nodes.math) -> None:
    """Write an equation within a line."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def visit_block(translator, node: nodes.math_block) -> None:
    """Write an equation on lines of its own, its number on the right."""
    latex = node.astext()
    tag = TAG.search(latex)
    latex = TAG.sub('', latex)
    if '&' in latex or r'\\' in latex:
        latex = rf'\begin{{aligned}}{latex}\end{{aligned}}'
    equation = convert(latex, display='block')
    number = f'<span class="eqno">({tag[1]})</span>' if tag else ''
    translator.body.append(f'<div class="math">{equation}{number}</div>\n')
    raise nodes.SkipNode


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_html_math_renderer(
        'mathml',
        inline_renderers=(visit_inline, None),
        block_renderers=(visit_block, None),
    )
    return {'parallel_read_safe': True}
