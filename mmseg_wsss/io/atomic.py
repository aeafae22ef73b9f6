"""Files that are complete or do not exist, and names that are free."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file atomically.

    The block writes to a temporary path in the same folder, with the same
    suffix. If the block ends without an error, that file is renamed to
    ``path``. The temporary name is hidden and short, whatever ``path`` is.

    Args:
        path: The file to write. Missing folders are created.

    Yields:
        Path: Where to write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    temporary = path.with_name(f'.{name}.{os.getpid()}.tmp{path.suffix}')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike, content: Mapping) -> None:
    """Write a dict to a JSON file with :func:`atomic_write`."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=1))


def read_json(path: str | os.PathLike) -> dict:
    """Load the dict of a JSON file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or holds something else.
    """
    try:
        content = json.loads(Path(path).read_text())
    except ValueError as error:
        raise ValueError(f'{path} is damaged: {error}') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} is damaged: it holds no dict')
    return content


def dated_path(folder: Path, start: str = '') -> Path:
    """Return a free path in a folder: ``start``, the date and the time."""
    path = folder / f'{start}{time.strftime("%Y%m%d-%H%M%S")}'
    while path.exists():
        path = path.with_name(path.name + 'x')
    return path
