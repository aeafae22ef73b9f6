"""What a stage's folder says of itself: begun, finished, made from what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from zipfile import is_zipfile

from ...io.atomic import atomic_write
from .stage import Stage

BEGUN = 'begun.json'
DONE = 'stage.json'
LOG = 'output.log'


def read_record(folder: Path, name: str) -> dict | None:
    """Read a record of a folder; None where there is none."""
    try:
        return json.loads((folder / name).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise ValueError(
            f'{folder / name} is damaged ({error}): remove it'
        ) from error


def write_record(folder: Path, name: str, content: Mapping) -> None:
    """Write a record of a folder, whole."""
    with atomic_write(folder / name) as part:
        part.write_text(json.dumps(content, indent=1))


def find_outputs(stage: Stage, folder: Path) -> dict[str, dict]:
    """Look what a stage has made.

    Args:
        stage: The stage.
        folder: Its folder.

    Returns:
        dict: ``{output: {'path': below the folder, 'files': how many}}``.

    Raises:
        FileNotFoundError: If an output is missing.
    """
    found = {}
    for output, where in stage.outputs.items():
        path = folder / where
        if not where:
            path = _checkpoint(folder, stage.settings['choose'])
        files = count_files(path)
        if not files:
            raise FileNotFoundError(f'left no {output}, {path}')
        found[output] = {'path': path.name, 'files': files}
    return found


def count_files(path: Path) -> int:
    """Count the files of a folder, hidden ones aside; a file is one."""
    if path.is_file():
        return 1
    if not path.is_dir():
        return 0
    return sum(not p.name.startswith('.') for p in path.iterdir())


def is_whole(record: Mapping, folder: Path) -> bool:
    """Tell whether all that a finished stage made is still there."""
    return all(
        count_files(folder / made['path']) == made['files']
        for made in record['outputs'].values()
    )


def last_checkpoint(folder: Path) -> Path | None:
    """Find the checkpoint from which a stopped training can go on.

    MMEngine notes its name once it is written. A training that was killed in
    between leaves the note of the one before, which may be removed by now, or
    half a file: then it is the newest whole one.
    """
    files = [p for p in folder.glob('*.pth') if not p.name.startswith('best_')]
    files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    note = folder / 'last_checkpoint'
    if note.is_file():
        # The folder may have been moved since.
        files.insert(0, folder / Path(note.read_text().strip()).name)
    return next(filter(is_zipfile, files), None)


def _checkpoint(folder: Path, choose: str) -> Path:
    """Find the checkpoint that a training gives on."""
    if choose == 'last':
        return last_checkpoint(folder) or folder / 'last_checkpoint'
    best = sorted(
        folder.glob('best_*.pth'), key=lambda path: path.stat().st_mtime
    )
    return best[-1] if best else folder / 'best_*.pth'
