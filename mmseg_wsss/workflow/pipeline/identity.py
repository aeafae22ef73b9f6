"""What a stage is made from: its config, and the files that this names."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...compat import walk_dicts
from ...io.provenance import settings_hash
from ...version import __version__

# Larger files, such as weights, are told apart by size and date.
READ_WHOLE = 64 * 2**20
# Options that name a file, or a folder of annotations.
_FILES = (
    *('ann_file', 'checkpoint', 'load_from', 'centroids'),
    *('neighbours', 'pretrained'),
)


def content_hash(
    part: object,
    files: Sequence[str],
    known: dict[str, str] | None = None,
    **more,
) -> str:
    """Hash what a stage is made from.

    Args:
        part: What its tool reads of its config.
        files: Files and folders that this names; missing ones are left out.
        known: Identities by path that were found before; new ones are added.
        **more: Whatever else makes a difference.

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
    """Tell a file by its content, a folder by its files' names and sizes."""
    if path.is_dir():
        with os.scandir(path) as entries:
            listing = sorted((p.name, p.stat().st_size) for p in entries)
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    stat = path.stat()
    if stat.st_size > READ_WHOLE:
        return f'{stat.st_size} bytes, {stat.st_mtime_ns}'
    return hashlib.sha256(path.read_bytes()).hexdigest()


def named_files(part: object) -> list[str]:
    """List the local files that a part of a config names, in its order."""
    return list(dict.fromkeys(_names(part)))


def named_folders(part: Mapping[str, object]) -> list[str]:
    """List the local folders of images and masks that a config names.

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
    """Tell a path from what is downloaded, or made by another stage."""
    if not isinstance(value, str) or not value:
        return False
    return '://' not in value and not value.startswith('{')


def _local(node: object) -> object:
    """Write paths below the current folder without it."""
    if isinstance(node, str):
        return node.removeprefix(f'{Path.cwd()}/')
    if isinstance(node, dict):
        return {key: _local(item) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [_local(item) for item in node]
    return node
