"""Count lines, examples, links and unused options of the package.

    python .ci/code_size.py [PACKAGE]

PACKAGE is the folder ``mmseg_wsss``, by default this checkout's; ``configs``
lies next to it. Nothing is imported, so any checkout can be counted.

Code lines hold neither a docstring nor a comment and are not blank.

A constructor option is a keyword or a parameter with a default of ``__init__``
of a class that ``@REGISTRY.register_module()`` registers, except those that
MMEngine and MMSegmentation pass by themselves (``FRAMEWORK``). It counts as
used if a file under ``configs/`` sets its name

* in a ``dict(...)`` whose ``type`` is the class, or
* in a ``dict(...)`` without a ``type``, as an override of a ``_base_`` file
  has none; such a name counts for every class. The end of a dotted key such
  as ``'refine_pipeline.3.alpha'`` counts in the same way.

This is a search of each file's text: ``_base_`` files are not merged.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONG = 200
PAPER = re.compile(r'https?://\S*(?:arxiv|doi\.org|openaccess|bmvc)\S*', re.I)
FRAMEWORK = {
    'collect_device',
    'context',
    'data_preprocessor',
    'init_cfg',
    'loss_name',
    'prefix',
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings(text: str) -> Iterator[ast.Expr]:
    """Yield the docstrings of a module, its classes and functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            yield node.body[0]


def code_lines(text: str) -> int:
    """Return the number of lines without docstrings, comments and blanks."""
    skipped = {
        number
        for node in docstrings(text)
        for number in range(node.lineno, node.end_lineno + 1)
    }
    return sum(
        number not in skipped and line.strip()[:1] not in ('', '#')
        for number, line in enumerate(text.splitlines(), 1)
    )


def count_examples(text: str) -> int:
    """Return the number of docstrings with a runnable example."""
    return sum('>>> ' in node.value.value for node in docstrings(text))


def constructor_options(text: str) -> Iterator[tuple[str, str]]:
    """Yield (class, option) for the registered classes of a module."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef) or not any(
            'register_module' in ast.unparse(d) for d in node.decorator_list
        ):
            continue
        for item in node.body:
            if getattr(item, 'name', '') != '__init__':
                continue
            given = item.args
            options = given.args[len(given.args) - len(given.defaults) :]
            for arg in options + given.kwonlyargs:
                if arg.arg not in FRAMEWORK:
                    yield node.name, arg.arg


def set_options(text: str) -> Iterator[tuple[str, str]]:
    """Yield (class, option) that a config sets; class '' without a type."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            pairs = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
            pairs = {k.arg: k.value for k in node.keywords if k.arg}
        else:
            continue
        type_ = pairs.pop('type', None)
        name = str(getattr(type_, 'value', '')).rpartition('.')[2]
        for key in pairs:
            yield name, str(key).rpartition('.')[2]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'package', nargs='?', type=Path, default=ROOT / 'mmseg_wsss'
    )
    package = parser.parse_args().package.resolve()
    texts = {
        path.relative_to(package): path.read_text(encoding='utf-8')
        for path in sorted(package.rglob('*.py'))
    }
    lines = {path: len(text.splitlines()) for path, text in texts.items()}
    configs = (package.parent / 'configs').rglob('*.py')
    used = {pair for path in configs for pair in set_options(path.read_text())}
    options = [o for text in texts.values() for o in constructor_options(text)]
    unused = [(c, o) for c, o in options if not {(c, o), ('', o)} & used]
    print('package files  ', len(texts))
    print('package lines  ', sum(lines.values()))
    print('code lines     ', sum(map(code_lines, texts.values())))
    print('doctests       ', sum(map(count_examples, texts.values())))
    urls = sum(len(PAPER.findall(text)) for text in texts.values())
    print('paper URLs     ', urls)
    print(f'options in no config: {len(unused)} of {len(options)}')
    for name in sorted({c for c, _ in unused}):
        print(f'  {name}:', ', '.join(o for c, o in unused if c == name))
    long = sorted((p for p in lines if lines[p] > LONG), key=lines.get)
    print(f'files above {LONG} lines: {len(long)}')
    for path in long:
        print(f'  {lines[path]:5} {path}')
    print('losses: lines, of it code')
    for path, text in texts.items():
        if 'losses' in path.parts and path.name != '__init__.py':
            print(f'  {lines[path]:5} {code_lines(text):5} {path.name}')


if __name__ == '__main__':
    main()
