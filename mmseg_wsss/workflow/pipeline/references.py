"""References of a stage to what others make: ``'{classifier.checkpoint}'``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_FORM = re.compile(r'\{([\w-]+)\.(\w+)\}')


class Reference(NamedTuple):
    """One output of one stage."""

    stage: str
    output: str

    def __str__(self) -> str:
        return f'{{{self.stage}.{self.output}}}'


def parse(value: object) -> Reference | None:
    """Read a reference; None for anything else."""
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    return Reference(*match.groups()) if match else None


def find(node: object) -> Iterator[Reference]:
    """Yield the references in nested dicts, lists and tuples."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list | tuple):
        for item in node:
            yield from find(item)
    reference = parse(node)
    if reference is not None:
        yield reference


def replace(node: object, answer: Callable[[Reference], str]) -> object:
    """Copy nested dicts, lists and tuples with each reference answered."""
    if isinstance(node, dict):
        return {key: replace(item, answer) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(replace(item, answer) for item in node)
    reference = parse(node)
    return node if reference is None else answer(reference)
