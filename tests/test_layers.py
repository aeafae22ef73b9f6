"""Imports go one way, from the rooms above to those below."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / 'mmseg_wsss'
# CONTRIBUTING.md tells the same. A room imports from lower layers only.
LAYERS = (
    {'compat', 'utils', 'version'},
    {'structures'},
    {'io'},
    {'pseudo_labels'},
    {'datasets', 'models'},
    {'evaluation'},
    {'engine'},
    {'jobs'},
    {'visualization'},
    {'workflow'},
)
LAYER = {room: k for k, rooms in enumerate(LAYERS) for room in rooms}


def room_of(path):
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def imported_rooms(path):
    """Packages that a file imports from this project, by any name."""
    package = ('mmseg_wsss', *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level]
            base = base if node.level else ()
            module = (*base, *(node.module or '').split('.'))
            names = [(*filter(None, module), a.name) for a in node.names]
        elif isinstance(node, ast.Import):
            names = [tuple(a.name.split('.')) for a in node.names]
        else:
            continue
        yield from (n[1] for n in names if n[0] == 'mmseg_wsss' and n[1:])


def test_every_room_has_its_layer():
    rooms = {room_of(path) for path in PACKAGE.rglob('*.py')}
    rooms -= {'__init__', '.mim'}
    assert rooms == set(LAYER)


def test_no_room_imports_from_its_own_layer_or_above():
    found = set()
    for path in PACKAGE.rglob('*.py'):
        room = room_of(path)
        if room not in LAYER:
            continue
        for other in set(imported_rooms(path)) & set(LAYER):
            if other != room:
                found.add((room, other))
    assert found
    wrong = [(a, b) for a, b in found if LAYER[b] >= LAYER[a]]
    assert not wrong, wrong
