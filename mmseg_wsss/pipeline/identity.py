"""What a stage is made from: its config, and the files that this names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..compat import walk_dicts
from ..engine.output_folder import settings_hash
from ..version import __version__

# Larger files, such as weights, are told apart by size and date.
READ_WHOLE = 64 * 2**20
# Options that name a file, or a folder of annotations.
_FILES = (
    *('ann_file', 'checkpoint', 'load_from', 'centroids'),
    *('neighbours', 'pretrained'),
)


def content_hash(part: object, files: Sequence[str], **more) -> str:
    """Hash what a stage is made from.

    Args:
        part: What its tool reads of its config.
        files: Files and folders that this names; missing ones are left out.
        **more: Whatever else makes a difference.

    Returns:
        str: Equal for equal content, wherever the working folder is.
    """
    found = {_local(f): identity(Path(f)) for f in files if Path(f).exists()}
    return settings_hash(
        part=_local(part), files=found, version=__version__, more=_local(more)
    )


def identity(path: Path) -> str:
    """Tell a file by its content, a folder by its files' names and sizes."""
    if path.is_dir():
        listing = sorted((p.name, p.stat().st_size) for p in path.iterdir())
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    stat = path.stat()
    if stat.st_size > READ_WHOLE:
        return f'{stat.st_size} bytes, {stat.st_mtime_ns}'
    return hashlib.sha256(path.read_bytes()).hexdigest()


def named_files(part: object) -> list[str]:
    """List the local files that a part of a config names, in its order."""
    return list(dict.fromkeys(_names(part)))


def _names(part: object) -> Iterator[str]:
    for node in walk_dicts(part):
        for key in _FILES:
            value = node.get(key)
            # Not what is downloaded, nor what another stage makes.
            if not isinstance(value, str) or not value:
                continue
            if '://' in value or value.startswith('{'):
                continue
            if key == 'ann_file' and node.get('data_root'):
                value = str(Path(node['data_root']) / value)
            yield value


def _local(node: object) -> object:
    """Write paths below the current folder without it."""
    if isinstance(node, str):
        return node.removeprefix(f'{Path.cwd()}/')
    if isinstance(node, dict):
        return {key: _local(item) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [_local(item) for item in node]
    return node
