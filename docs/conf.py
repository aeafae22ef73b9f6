"""Sphinx's settings; ``make docs`` builds the site into docs/_build."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / 'extensions'))
sys.path.insert(0, str(DOCS.parent))

import mmseg_wsss  # noqa: E402

project = 'mmseg_wsss'
version = release = mmseg_wsss.__version__
extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'api_pages',
    'mathml',
    'repository_links',
    'short_names',
]
exclude_patterns = ['_build']

# Pages are written for GitHub first: anchors are GitHub's.
myst_heading_anchors = 4
myst_enable_extensions = ['dollarmath']
source_suffix = {'.md': 'markdown', '.rst': 'restructuredtext'}

# Blocks without a language are diagrams.
highlight_language = 'none'
autodoc_member_order = 'bysource'
autodoc_typehints_format = 'short'
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 72
# The site is built without network, so classes of other packages have no
# page to point at. All other references must resolve.
nitpick_ignore_regex = [('py:class', r'(?!mmseg_wsss\.).*')]

html_theme = 'furo'
html_math_renderer = 'mathml'
html_static_path = ['static']
html_css_files = ['site.css']
html_title = f'mmseg_wsss {version}'
html_copy_source = False
html_show_copyright = False
