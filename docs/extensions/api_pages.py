"""Write a page for each package, with what its ``__all__`` names.

The pages are written at every build, in ``docs/api``, and not committed. A
name that ``mmseg_wsss`` itself offers is listed as ``mmseg_wsss.Name``, which
is how it is imported; the others under their package. They stand in the order
of the modules that define them, each after the module's own docstring.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType

PACKAGE = 'mmseg_wsss'
MODULES = (
    'structures',
    'io',
    'pseudo_labels',
    'datasets',
    'datasets.transforms.keys',
    'models',
    'evaluation',
    'engine',
    'visualization',
    'workflow.pipeline',
    'workflow.own_data',
    'workflow.report',
)


def public_names(module: ModuleType) -> list[str]:
    """List a module's public names.

    Args:
        module: A module of the package.

    Returns:
        list[str]: Its ``__all__``, or else the functions and classes that
        are defined in it and have no leading underscore.
    """
    if hasattr(module, '__all__'):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if getattr(value, '__module__', None) == module.__name__
        and not name.startswith('_')
    ]


def api_page(module_name: str) -> str:
    """Write the page of a module, in reStructuredText.

    Args:
        module_name: Its name, relative to ``mmseg_wsss``.

    Returns:
        str: The page.
    """
    full_name = f'{PACKAGE}.{module_name}'
    module = importlib.import_module(full_name)
    lines = [full_name, '=' * len(full_name), '']
    lines += [f'.. automodule:: {full_name}', '']
    sections: dict[str, list[str]] = {}
    for name in public_names(module):
        home = getattr(getattr(module, name), '__module__', full_name)
        sections.setdefault(home, []).append(name)
    for home in sorted(sections, key=lambda home: (home != full_name, home)):
        if home != full_name:
            lines += [home, '-' * len(home), '']
            # Indexed, a module would clash with a function of its name.
            lines += [f'.. automodule:: {home}', '   :no-index:', '']
        for name in sections[home]:
            lines += directive(module, name)
    return '\n'.join(lines)


def directive(module: ModuleType, name: str) -> list[str]:
    """Write the directive that documents a public name.

    Args:
        module: The module whose page it is.
        name: The name.

    Returns:
        list[str]: Lines of reStructuredText.
    """
    value = getattr(module, name)
    package = importlib.import_module(PACKAGE)
    top = getattr(package, name, None) is value
    qualified = f'{PACKAGE if top else module.__name__}.{name}'
    if inspect.isclass(value):
        options = ['   :members:', '   :show-inheritance:']
        return [f'.. autoclass:: {qualified}', *options, '']
    if callable(value):
        return [f'.. autofunction:: {qualified}', '']
    return [f'.. py:data:: {qualified}', '']


def write_pages(app) -> None:
    """Write all pages and their table of contents."""
    folder = Path(app.srcdir) / 'api'
    folder.mkdir(exist_ok=True)
    index = ['API', '===', '', '.. toctree::', '']
    for name in MODULES:
        index.append(f'   {name}')
        (folder / f'{name}.rst').write_text(api_page(name), encoding='utf-8')
    text = '\n'.join([*index, ''])
    (folder / 'index.rst').write_text(text, encoding='utf-8')


def leave_out(app, what, name, value, skip, options) -> bool | None:
    """Skip the fields of named tuples: their class describes them."""
    doc = getattr(value, '__doc__', None) or ''
    return True if doc.startswith('Alias for field number') else None


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect('autodoc-skip-member', leave_out)
    app.connect('builder-inited', write_pages)
    return {'parallel_read_safe': True}
