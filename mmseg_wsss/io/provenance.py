"""What a folder's files were made from: ``source.json`` beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from .atomic import atomic_write

SOURCE = 'source.json'


def file_identity(path: str | Path) -> dict:
    """Describe a file by where it lies, its size and its date.

    Raises:
        ValueError: If there is no such file.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise ValueError(f'there is no file {path}')
    stat = file.stat()
    return dict(path=str(file), size=stat.st_size, modified=stat.st_mtime_ns)


def settings_hash(**settings) -> str:
    """Hash parts of a config; equal settings give equal hashes."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def check_source(
    folder: Path, source: Mapping[str, object], overwrite: bool = False
) -> None:
    """Refuse to mix files that were made in different ways.

    Args:
        folder: The folder to write to.
        source: What its files are made from, as JSON values by name.
        overwrite: Every file will be written anew; nothing is checked.

    Raises:
        ValueError: If the folder's files were made otherwise.
    """
    known = folder / SOURCE
    if overwrite or not known.is_file():
        return
    changed = changed_names(json.loads(known.read_text()), source)
    if changed:
        raise ValueError(
            f'{folder} holds files made with another {changed}: use another '
            '--out-dir, or --overwrite'
        )


def changed_names(
    before: Mapping[str, object], source: Mapping[str, object]
) -> str:
    """Name what differs, as 'a and another b'; empty if nothing does."""
    return ' and another '.join(
        name
        for name in {**before, **source}
        if before.get(name) != source.get(name)
    )


def save_source(folder: Path, source: Mapping[str, object]) -> None:
    """Write down what a folder's files are made from."""
    with atomic_write(folder / SOURCE) as part:
        part.write_text(json.dumps(source, indent=1))


def folder_origin(folder: Path) -> str:
    """Hash what our tools noted of a folder's files.

    Args:
        folder: The folder; its ``source.json`` lies beside it.

    Returns:
        str: The same for files that were made in the same way; empty where
        nothing was noted.
    """
    noted = folder.resolve().parent / SOURCE
    if not noted.is_file():
        return ''
    return hashlib.sha256(noted.read_bytes()).hexdigest()
