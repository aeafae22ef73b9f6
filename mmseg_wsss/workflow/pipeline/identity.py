"""What a stage depends on: its config, files, outputs of other stages."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...compat import walk_dicts
from ...io.provenance import settings_hash
from ...version import __version__

_REFERENCE = re.compile(r'\{([\w-]+)\.(\w+)\}')
# Larger files, such as weights, are identified by size and date.
READ_WHOLE = 64 * 2**20
# Options that name a file, or a folder of annotations.
_FILES = (
    *('ann_file', 'checkpoint', 'load_from', 'centroids'),
    *('neighbours', 'pretrained'),
)


class Reference(NamedTuple):
    """An output of another stage, ``'{classifier.checkpoint}'``."""

    stage: str
    output: str

    def __str__(self) -> str:
        return f'{{{self.stage}.{self.output}}}'

    @classmethod
    def parse(cls, value: object) -> Reference | None:
        """Read a reference; None for anything else."""
        match = isinstance(value, str) and _REFERENCE.fullmatch(value)
        return cls(*match.groups()) if match else None


def find_references(node: object) -> Iterator[Reference]:
    """Yield the references in nested dicts, lists and tuples."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list | tuple):
        for item in node:
            yield from find_references(item)
    elif reference := Reference.parse(node):
        yield reference


def replace_references(
    node: object, resolve: Callable[[Reference], str]
) -> object:
    """Copy nested dicts, lists and tuples with each reference resolved."""
    if isinstance(node, dict):
        return {k: replace_references(v, resolve) for k, v in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(replace_references(v, resolve) for v in node)
    reference = Reference.parse(node)
    return node if reference is None else resolve(reference)


def config_parts(cfg: Mapping, keys: Sequence[str]) -> dict[str, object]:
    """Return parts of a config by key; a dot in a key goes one dict down."""
    parts = {}
    for key in keys:
        node = cfg
        for name in key.split('.'):
            node = (node or {}).get(name)
        parts[key] = node
    return parts


def content_hash(
    part: object,
    files: Sequence[str],
    known: dict[str, str] | None = None,
    **more,
) -> str:
    """Compute a hash of what a stage depends on.

    Args:
        part: The parts of its config that its tool reads.
        files: Files and folders that they name; missing ones are left out.
        known: Identities by path that were computed before; new ones are
            added.
        **more: Other values that the result depends on.

    Returns:
        str: Equal for equal content, wherever the working folder is.
    """
    known = {} if known is None else known
    for file in files:
        if file not in known and Path(file).exists():
            known[file] = identity(Path(file))
    found = {_local(f): known[f] for f in files if f in known}
    return settings_hash(
        part=_local(part), files=found, version=__version__, more=_local(more)
    )


def identity(path: Path) -> str:
    """Return a file's hash, or that of the names and sizes in a folder."""
    if path.is_dir():
        with os.scandir(path) as entries:
            listing = sorted((p.name, p.stat().st_size) for p in entries)
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    stat = path.stat()
    if stat.st_size > READ_WHOLE:
        return f'{stat.st_size} bytes, {stat.st_mtime_ns}'
    return hashlib.sha256(path.read_bytes()).hexdigest()


def named_files(part: object) -> list[str]:
    """Return the local files that a part of a config names, in its order."""
    return list(dict.fromkeys(_names(part)))


def named_folders(part: Mapping[str, object]) -> list[str]:
    """Return the local folders of images and masks that a config names.

    Masks that a training does not load, as a CAM network's, are left out.
    """
    folders = []
    for place, content in part.items():
        for node in walk_dicts(content):
            root = Path(node.get('data_root') or '')
            for key, value in (node.get('data_prefix') or {}).items():
                is_mask = key == 'seg_map_path'
                trains = place == 'train_dataloader'
                if is_mask and trains and not _loads_masks(node):
                    continue
                if _is_local(value):
                    folders.append(str(root / value))
    return list(dict.fromkeys(folders))


def _loads_masks(dataset: Mapping) -> bool:
    steps = walk_dicts(dataset.get('pipeline') or [])
    return any(str(s.get('type')).endswith('LoadAnnotations') for s in steps)


def _names(part: object) -> Iterator[str]:
    for node in walk_dicts(part):
        for key in _FILES:
            value = node.get(key)
            if not _is_local(value):
                continue
            if key == 'ann_file' and node.get('data_root'):
                value = str(Path(node['data_root']) / value)
            yield value


def _is_local(value: object) -> bool:
    """Return whether a value is a local path (no URL, no reference)."""
    if not isinstance(value, str) or not value:
        return False
    return '://' not in value and not value.startswith('{')


def _local(node: object) -> object:
    """Return paths below the current folder relative to it."""
    if isinstance(node, str):
        return node.removeprefix(f'{Path.cwd()}/')
    if isinstance(node, dict):
        return {key: _local(item) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [_local(item) for item in node]
    return node
