"""Files that are written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file whole or not at all.

    The block writes to the temporary path it is given, in the same folder and
    with the same suffix; the file takes its name when the block ends well.
    That path is hidden, and short: any name that a file may have is good.

    Args:
        path: The file to write. Missing folders are made.

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
