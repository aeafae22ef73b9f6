"""Folders of files that another tool wrote."""

from __future__ import annotations

import os
from pathlib import Path


def require_folder(folder: str | os.PathLike, what: str, fix: str) -> Path:
    """Check that a folder exists.

    Args:
        folder: The folder.
        what: What its files are, for the error.
        fix: What to do where there is none.

    Returns:
        Path: The folder.

    Raises:
        ValueError: If there is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f'there is no folder of {what} {folder}: {fix}')
    return folder
