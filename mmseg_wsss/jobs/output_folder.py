"""A folder with one file per image that a stopped run can go on filling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def unfinished(stems: Sequence[str], folders: Sequence[Path]) -> list[int]:
    """List the positions of the images of which a file is missing."""
    done = [
        {path.stem for path in folder.glob('*.*')} if folder.is_dir() else ()
        for folder in folders
    ]
    return [
        index
        for index, stem in enumerate(stems)
        if not all(stem in names for names in done)
    ]


def remove_files(stems: Sequence[str], folders: Sequence[Path]) -> None:
    """Remove the images' files, before they are all written anew.

    What a run that stops early leaves is then all of one kind.
    """
    names = set(stems)
    for folder in folders:
        for path in folder.glob('*.*'):
            if path.stem in names:
                path.unlink()


def remove_leftovers(folders: Sequence[Path]) -> None:
    """Remove the temporary files of a run that was killed while writing."""
    for folder in folders:
        for path in folder.glob('.*.tmp.*'):
            path.unlink(missing_ok=True)
