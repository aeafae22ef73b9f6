"""Find what a docstring calls by a shorter or a longer name than the site.

Docstrings write :func:`kmeans`, and annotations know an object by the module
that defines it, while the site lists it under the package that offers it.
What exists but is not public, a base class for instance, is shown without a
link.
"""

from __future__ import annotations

import importlib

from sphinx.util.nodes import make_refnode

PACKAGE = 'mmseg_wsss.'


def exists(target: str) -> bool:
    """Check whether a dotted name is in this package."""
    module, _, name = target.rpartition('.')
    try:
        if hasattr(importlib.import_module(module), name):
            return True
        importlib.import_module(target)
    except ImportError:
        return False
    return True


def resolve(app, env, node, contnode):
    """Resolve a reference to the only object with its last name.

    Args:
        app: Sphinx.
        env: Its environment.
        node: The reference that was not found.
        contnode: What it shows.

    Returns:
        Node | None: The link, or the bare text of what is not public; None
        where nothing, or more than one object, has the name.
    """
    target = node.get('reftarget', '')
    ours = target.startswith(PACKAGE) or '.' not in target
    if node.get('refdomain') != 'py' or not ours:
        return None
    ending = '.' + target.rpartition('.')[2]
    objects = env.domains['py'].objects
    found = [name for name in objects if name.endswith(ending)]
    if len(found) != 1:
        return contnode if '.' in target and exists(target) else None
    entry = objects[found[0]]
    return make_refnode(
        app.builder, node['refdoc'], entry.docname, entry.node_id, contnode
    )


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect('missing-reference', resolve)
    return {'parallel_read_safe': True}
