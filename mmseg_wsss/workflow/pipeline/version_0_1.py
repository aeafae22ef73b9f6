"""The hashes that version 0.1 recorded: its finished stages stay finished."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from ...compat import is_type, walk_dicts
from ...io.provenance import file_hash, settings_hash
from .identity import (
    config_parts,
    is_local,
    local_paths,
    named_files,
)
from .stage import Stage

READ_WHOLE = 64 * 2**20  # larger files were identified by size and date


def old_hash(
    cfg: Mapping, stage: Stage, literal: list[str], known: dict[str, object]
) -> str:
    """Return the hash that version 0.1 gave a stage.

    Args:
        cfg: The stage's complete config.
        stage: The stage.
        literal: Its inputs that are paths.
        known: Identities that were computed before; new ones are added.
    """
    keys = (*stage.kind.keys, *filter(None, [stage.settings.get('pipeline')]))
    part = config_parts(cfg, keys)
    found = {}
    for file in (*named_files(part), *_folders(part), *literal):
        key = f'0.1: {file}'
        if key not in known and Path(file).exists():
            known[key] = _old_identity(Path(file))
        if key in known:
            found[local_paths(file)] = known[key]
    more = dict(
        tool=stage.kind.tool, settings=stage.settings, inputs=stage.inputs
    )
    return settings_hash(
        part=local_paths(part),
        files=found,
        version='0.1.0',
        more=local_paths(more),
    )


def _old_identity(path: Path) -> str | None:
    if not path.is_dir():
        stat = path.stat()
        if stat.st_size > READ_WHOLE:
            return f'{stat.st_size} bytes, {stat.st_mtime_ns}'
        return file_hash(path)
    try:
        with os.scandir(path) as entries:
            listing = sorted((p.name, p.stat().st_size) for p in entries)
    except FileNotFoundError:  # a link to a file that was moved
        return None
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def _folders(part: Mapping[str, object]) -> list[str]:
    folders = []
    for place, content in part.items():
        for node in walk_dicts(content):
            root = Path(node.get('data_root') or '')
            steps = walk_dicts(node.get('pipeline') or [])
            loads = any(is_type(step, 'LoadAnnotations') for step in steps)
            for key, value in (node.get('data_prefix') or {}).items():
                unread = place == 'train_dataloader' and not loads
                if key == 'seg_map_path' and unread:
                    continue
                if is_local(value):
                    folders.append(str(root / value))
    return list(dict.fromkeys(folders))
