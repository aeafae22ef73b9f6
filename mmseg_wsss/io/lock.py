"""A lock that one process holds on a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

PATIENCE = 10.0  # seconds to wait for a process that is ending


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[tuple]:
    """Lock a folder for the duration of the block.

    Child processes inherit the lock: it is held while one of them works, even
    if this process was killed, and ends with the last of them.

    Args:
        folder: The folder.

    Yields:
        tuple: File descriptors to pass to child processes.

    Raises:
        RuntimeError: If another process holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield ()
        return
    with open(folder / '.lock', 'w') as file:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise RuntimeError(
                        f'another run is at work in {folder}, or a stage of '
                        'one that was killed: wait for it, or end it'
                    ) from error
                time.sleep(0.2)
        yield (file.fileno(),)
