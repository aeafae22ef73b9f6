"""Where the files of a folder come from, as one short word."""

from __future__ import annotations

import hashlib
from pathlib import Path


def folder_origin(folder: Path) -> str:
    """Hash what our tools noted of a folder's files.

    Args:
        folder: The folder; its ``source.json`` lies beside it.

    Returns:
        str: The same for files that were made in the same way; empty where
        nothing was noted.
    """
    noted = folder.resolve().parent / 'source.json'
    if not noted.is_file():
        return ''
    return hashlib.sha256(noted.read_bytes()).hexdigest()
