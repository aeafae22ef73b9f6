"""Provenance of a folder's files: ``source.json`` records their source."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .atomic import read_json, write_json

SOURCE = 'source.json'
BLOCK = 2**20
# What later versions record and earlier ones did not.
LABELS = 'set of image labels'
CRF_HOOK = 'DenseCRFHook'
# Of compressed images above this size only both ends are read: other
# pixels end in other bytes, and EXIF data stand at the start.
READ_IMAGES = 64 * 2**10
END = 4 * 2**10
PLAIN = {'.bmp', '.npy', '.pgm', '.pnm', '.ppm', '.tif', '.tiff'}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with open(path, 'rb') as content:
        while block := content.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def file_identity(path: str | Path) -> dict:
    """Return a file's size and the SHA-256 of its content.

    A copy has the same identity, wherever it lies and whatever its date.

    Raises:
        ValueError: If there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f'there is no file {path}')
    return dict(size=file.stat().st_size, sha256=file_hash(file))


def identity(path: Path) -> str:
    """Return a hash of a file, or of all files in a folder.

    Files in folders are identified by size and both ends if they are above
    64 KiB and of a compressed format.
    """
    if path.is_dir():
        listing = {
            str(file.relative_to(path)): short_hash(file)
            for file in sorted(path.rglob('*'))
            if not file.name.startswith('.') and not file.is_dir()
        }
        return settings_hash(listing=listing)
    return file_hash(path)


def short_hash(file: Path) -> str | None:
    """Return a hash of a file, of large images by both ends and the size.

    Returns:
        str | None: The hash; None if the file is missing.
    """
    try:
        size = file.stat().st_size
        if size <= READ_IMAGES or file.suffix.lower() in PLAIN:
            return file_hash(file)
        with open(file, 'rb') as content:
            ends = content.read(END)
            content.seek(-END, os.SEEK_END)
            ends += content.read()
        return f'{size} bytes, {hashlib.sha256(ends).hexdigest()}'
    except FileNotFoundError:
        return None


def settings_hash(**settings) -> str:
    """Return a hash of parts of a config, the same for equal settings."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def check_source(
    folder: Path,
    source: Mapping[str, object],
    overwrite: bool = False,
    writes: Iterable[Path] = (),
) -> None:
    """Check that a folder has no files made from something else.

    Files are known to be a tool's own by ``source.json``, which is written
    before them.

    Args:
        folder: The folder to write to.
        source: What its files are made from, as JSON values by name; 'tool'
            is the name of the tool that writes them.
        overwrite: All files of another source will be replaced.
        writes: Files, and folders of files, that will be written or removed.

    Raises:
        ValueError: If it has; the error names what differs. With
            ``overwrite`` too, if another tool wrote them, or if
            ``source.json`` is missing and one of ``writes`` exists.
    """
    # In this order: another rank may be writing.
    foreign = next(filter(_in_use, writes), None)
    known = folder / SOURCE
    if not known.is_file():
        if foreign is not None:
            raise ValueError(
                f'{foreign} was not written by this tool, or by a version '
                f'before 0.2 ({known} is missing). It is never replaced: '
                'choose another folder to write to, or move it away'
            )
        return
    try:
        before = read_json(known)
    except ValueError as error:
        raise ValueError(
            f'{error}, or it was not written by this tool: choose another '
            'folder to write to, or move it away'
        ) from error
    tool, now = before.get('tool'), source.get('tool')
    if tool and now and tool != now:  # versions before 0.2 named none
        raise ValueError(
            f'{folder} holds the files of {tool}. {now} never replaces '
            'them: choose another folder to write to'
        )
    changed = '' if overwrite else changed_names(before, source)
    if changed:
        raise ValueError(
            f'{folder} holds files made with another {changed}: use another '
            '--out-dir, or --overwrite'
        )


def _in_use(path: Path) -> bool:
    """Return whether there is a file, or a folder with files in it."""
    if path.is_dir():
        return any(p.name[0] != '.' for p in path.iterdir())
    return path.exists()


def changed_names(
    before: Mapping[str, object], source: Mapping[str, object]
) -> str:
    """Return what differs as 'a and another b', or an empty string."""
    return ' and another '.join(
        name
        for name in {**before, **source}
        if name != 'tool'
        and (name not in (LABELS, CRF_HOOK) or name in before)
        and not _same(before.get(name), source.get(name))
    )


def _same(before: object, now: object) -> bool:
    """Compare two values; version 0.1 recorded the dates of files."""
    if isinstance(before, dict) and 'modified' in before:
        return isinstance(now, dict) and before['size'] == now.get('size')
    if isinstance(before, dict) and isinstance(now, dict):
        return not changed_names(before, now)
    return before == now


def save_source(folder: Path, source: Mapping[str, object]) -> None:
    """Write what a folder's files are made from to ``source.json``."""
    write_json(folder / SOURCE, source)


def claim_folder(folder: Path, tool: str) -> None:
    """Check that a folder has no files but those of a tool, and record it.

    For tools that replace their files at each run.

    Raises:
        ValueError: If it has.
    """
    source = {'tool': tool}
    check_source(folder, source, overwrite=True, writes=[folder])
    save_source(folder, source)


def folder_origin(folder: Path) -> str:
    """Return a hash of the provenance of a folder's files.

    Args:
        folder: The folder; ``source.json`` is in its parent.

    Returns:
        str: The same for files made from the same source; empty if there is
        no ``source.json``.
    """
    record = folder.resolve().parent / SOURCE
    if not record.is_file():
        return ''
    source = read_json(record)
    source.pop('tool', None)  # versions before 0.2 named none
    text = json.dumps(source, indent=1)  # as write_json has it
    return hashlib.sha256(text.encode()).hexdigest()
