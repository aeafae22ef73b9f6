"""An output folder that several ranks fill and a stopped run resumes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from ..io.atomic import read_json
from ..io.provenance import (
    SOURCE,
    changed_names,
    check_source,
    save_source,
)


class OutputFolder:
    """A folder with subfolders that hold one file per name.

    An item is done if each subfolder has a file of its name. ``source.json``
    records what the files are made from; without it, files that are there
    are someone else's, and are never replaced.

    Args:
        path: The folder.
        subfolders: Where the files go.
        names: Names of the files without suffix: stems of images, or shards.
        source: What the files are made from, as JSON values by name.
        overwrite: Whether files that exist are to be replaced.
        files: Names of other files that are written to the folder.
        unused: Subfolders that another run of the tool may have filled.

    Raises:
        ValueError: If the folder holds files made from something else, and
            ``overwrite`` is False; or files, but no ``source.json``.
    """

    def __init__(
        self,
        path: Path,
        subfolders: Iterable[Path],
        names: Sequence[str],
        source: Mapping[str, object],
        overwrite: bool = False,
        files: Iterable[str] = (),
        unused: Iterable[Path] = (),
    ) -> None:
        self.path = path
        self.subfolders = list(subfolders)
        self.unused = list(unused)
        self.names = names
        self.source = source
        self.overwrite = overwrite
        others = [path / name for name in files]
        check_source(path, source, overwrite, [*self.subfolders, *others])

    def check_others(self) -> None:
        """Check that no file of another source stays beside the new ones.

        Raises:
            ValueError: If ``overwrite`` is set, the folder's files are made
                from something else, and some are not to be replaced.
        """
        record = self.path / SOURCE
        if not self.overwrite or not record.is_file():
            return
        changed = changed_names(read_json(record), self.source)
        others = set().union(*map(stems_in, self.subfolders))
        others -= set(self.names)
        others.update(*map(stems_in, self.unused))
        if changed and others:
            raise ValueError(
                f'{self.path} holds the results of {len(others)} images '
                f'({min(others)}), made with another {changed}, that this '
                'command does not replace: use another --out-dir, or move '
                'the folder away'
            )

    def find_todo(self) -> list[int]:
        """Return the positions of the items to do, the same on all ranks."""
        shared = [list(range(len(self.names)))]
        if is_main_process() and not self.overwrite:
            shared = [unfinished(self.names, self.subfolders)]
        broadcast_object_list(shared)  # file systems may be slow to agree
        return shared[0]

    def log_todo(self, todo: Sequence[int], note: str = '') -> None:
        """Log how many images are done, and how many there are to do."""
        print_log(
            f'{len(self.names) - len(todo)} of {len(self.names)} images are '
            f'done, {len(todo)} to do{note}, writing to {self.path}',
            logger='current',
        )

    def prepare(self, check: Callable[[], None] | None = None) -> None:
        """Remove what does not stay, and write ``source.json``.

        Rank 0 does it, the others wait. Temporary files of a killed run are
        removed, and, to overwrite, all files of the items, so that a run
        which stops early leaves no mixture.

        Args:
            check: Called on rank 0 once the files are removed. If it raises a
                ValueError or an OSError, ``source.json`` is not written.

        Raises:
            ValueError: What ``check`` raised, on all ranks.
            OSError: The same, or if the folder cannot be written.
        """
        error = [None]
        if is_main_process():
            try:
                remove_leftovers([self.path, *self.subfolders])
                if self.overwrite:
                    remove_files(self.names, self.subfolders)
                if check is not None:
                    check()
                save_source(self.path, self.source)
            except (OSError, ValueError) as problem:
                error = [problem]
        broadcast_object_list(error)
        if error[0] is not None:
            raise error[0]

    def check_complete(self) -> None:
        """Check that no file is missing.

        Raises:
            ValueError: If one is; the error names them.
        """
        missing = [
            self.names[index]
            for index in unfinished(self.names, self.subfolders)
        ]
        if missing:
            raise ValueError(
                f'{self.path} lacks the files {", ".join(missing)}: run the '
                'same command again'
            )


def unfinished(names: Sequence[str], folders: Sequence[Path]) -> list[int]:
    """Return the positions of the names of which a folder has no file."""
    done = [stems_in(folder) for folder in folders]
    return [
        index
        for index, name in enumerate(names)
        if not all(name in stems for stems in done)
    ]


def stems_in(folder: Path) -> set[str]:
    """Return the names without suffix of a folder's files, if it exists."""
    others = ('.db', '.ini')  # of Windows
    return {
        p.stem
        for p in folder.glob('*.*')
        if p.name[0] != '.' and p.suffix not in others
    }


def remove_files(names: Sequence[str], folders: Sequence[Path]) -> None:
    """Remove the files of these names."""
    doomed = set(names)
    for folder in folders:
        for path in folder.glob('*.*'):
            if path.stem in doomed:
                path.unlink()


def remove_leftovers(folders: Sequence[Path]) -> None:
    """Remove the temporary files of a run that was killed while writing."""
    for folder in folders:
        for path in folder.glob('.*.tmp.*'):
            path.unlink(missing_ok=True)
