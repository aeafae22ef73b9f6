"""A stage's folder: its records, outputs, checkpoints and state."""

from __future__ import annotations

import ast
import re
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple
from zipfile import is_zipfile

from ...io.atomic import dated_path, read_json, write_json
from ...io.provenance import SOURCE
from ...io.scalars import read_figures
from .plan import Plan
from .stage import Stage

STARTED = 'begun.json'
FINISHED = 'stage.json'
LOG = 'output.log'
# In a config that was dumped, with or without YAPF.
_DATA_ROOT = re.compile(r"""^data_root ?= ?("[^"]*"|'[^']*')$""", re.MULTILINE)
# What a run does with a stage. COMPARE computes its figures again.
SKIP, RESUME, RUN = 'finished', 'resume', 'to do'
COMPARE = 'finished, figures to do'


class State(NamedTuple):
    """What a run does with a stage, and why."""

    action: str
    reason: str = ''


class StageFolder:
    """The folder of a stage; its records are read once.

    Args:
        path: The folder; it need not exist.

    Attributes:
        finished: What ``stage.json`` holds; None if the stage is not finished.
        started: What ``begun.json`` holds; None if the stage is not under way.

    Raises:
        ValueError: If a record is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished = self._read(FINISHED)
        self.started = self._read(STARTED)

    @property
    def log(self) -> Path:
        """The log of its tool."""
        return self.path / LOG

    @property
    def run_id(self) -> str | None:
        """The id of the run that finished it, None if none has."""
        return self.finished and self.finished['id']

    @property
    def outputs(self) -> dict[str, Path]:
        """The paths of what a finished stage wrote, by name."""
        outputs = self.finished['outputs'] if self.finished else {}
        return {name: self.path / out['path'] for name, out in outputs.items()}

    @property
    def outputs_complete(self) -> bool:
        """Whether all files that a finished stage wrote still exist."""
        return all(
            _count_files(path) == self.finished['outputs'][name]['files']
            for name, path in self.outputs.items()
        )

    @property
    def resume_from(self) -> Path | None:
        """The checkpoint from which a stopped training is resumed.

        MMEngine notes its name once it is written. A training that was killed
        in between leaves the previous note, whose checkpoint may be removed,
        or half a file: then it is the newest complete one.
        """
        files = [
            path
            for path in self.path.glob('*.pth')
            if not path.name.startswith('best_')
        ]
        files.sort(key=_modified, reverse=True)
        note = self.path / 'last_checkpoint'
        if note.is_file():
            # The folder may have been moved since.
            files.insert(0, self.path / Path(note.read_text().strip()).name)
        return next(filter(is_zipfile, files), None)

    def state(
        self,
        stage: Stage,
        content_hash: str,
        upstream: Mapping[str, str | None],
        old_hash: str | None = None,
        figures_of: str | None = None,
    ) -> State:
        """Return what a run does, if the upstream stages are up to date.

        Args:
            stage: The stage.
            content_hash: What it depends on now.
            upstream: Run ids of its upstream stages now.
            old_hash: The hash of version 0.1, which holds too.
            figures_of: What only its figures depend on now.
        """
        record = self.finished or self.started
        if record is None:
            used = self.path.is_dir() and any(self.path.iterdir())
            return State(RUN, 'its folder holds other files' if used else '')
        if record['hash'] not in (content_hash, old_hash):
            return State(RUN, 'its config or an input file changed')
        for name in {**record['upstream'], **upstream}:
            run_id = upstream.get(name)
            if run_id is None or run_id != record['upstream'].get(name):
                return State(RUN, f'{name} has run again')
        if self.finished is None:
            return State(RESUME, 'it was stopped')
        if not self.outputs_complete:
            # A finished training would not find its best checkpoint again.
            restart = stage.settings.get('choose') == 'best'
            return State(RUN if restart else RESUME, 'files are missing')
        if record.get('figures_of', figures_of) != figures_of:
            if stage.is_training:
                return State(SKIP, 'its figures are of another validation')
            return State(COMPARE, 'masks changed; its files are kept')
        return State(SKIP)

    def update(self, **changes) -> None:
        """Change values in the record of a finished stage."""
        self.finished.update(changes)
        write_json(self.path / FINISHED, self.finished)

    def archive(self) -> Path | None:
        """Move the folder to ``old/`` beside it; None if it is empty."""
        if not self.path.is_dir() or not any(self.path.iterdir()):
            return None
        old = self.path.parent / 'old'
        old.mkdir(exist_ok=True)
        return self.path.rename(dated_path(old, f'{self.path.name}_'))

    def start(
        self,
        stage: str,
        content_hash: str,
        upstream: Mapping[str, str | None],
        figures_of: str | None = None,
    ) -> None:
        """Write the record of a stage under way, and remove the other.

        In this order: an interrupted run is resumed then, not archived.
        """
        self.started = {
            'stage': stage,
            'hash': content_hash,
            'upstream': upstream,
            'figures_of': figures_of,
        }
        write_json(self.path / STARTED, self.started)
        (self.path / FINISHED).unlink(missing_ok=True)
        self.finished = None

    def finish(
        self, stage: Stage, seconds: float, stopped_before: bool
    ) -> None:
        """Write the record of a finished stage.

        Raises:
            FileNotFoundError: If an output is missing.
        """
        outputs = {}
        for name, where in stage.outputs.items():
            path = self.path / where
            if not where:
                path = self._checkpoint(stage.settings['choose'])
            files = _count_files(path)
            if not files:
                raise FileNotFoundError(f'left no {name}, {path}')
            outputs[name] = {'path': path.name, 'files': files}
        self.finished = {
            **self.started,
            'id': uuid.uuid4().hex,
            'outputs': outputs,
            'figures': read_figures(self.path),
            'seconds': round(seconds, 1),
            'stopped_before': stopped_before,
        }
        write_json(self.path / FINISHED, self.finished)
        (self.path / STARTED).unlink()
        self.started = None

    def _checkpoint(self, choose: str) -> Path:
        """Return the checkpoint that a training passes on."""
        if choose == 'last':
            return self.resume_from or self.path / 'last_checkpoint'
        best = self.path.glob('best_*.pth')
        return max(best, key=_modified, default=self.path / 'best_*.pth')

    def _read(self, name: str) -> dict | None:
        try:
            return read_json(self.path / name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            raise ValueError(f'{error}: remove it') from error


def upstream_ids(plan: Plan, stage: Stage) -> dict[str, str | None]:
    """Return the run ids of the upstream stages, None for unfinished ones."""
    names = plan.upstream(stage)
    return {name: StageFolder(plan.folder(name)).run_id for name in names}


def state_now(
    plan: Plan, stage: Stage, folder: StageFolder | None = None
) -> State:
    """Return what a run does with a stage, by the records in its folder."""
    folder = folder or StageFolder(plan.folder(stage.name))
    return folder.state(
        stage,
        plan.hashes[stage.name],
        upstream_ids(plan, stage),
        plan.old_hashes[stage.name],
        plan.figures[stage.name],
    )


def plan_states(plan: Plan, first: str | None = None) -> dict[str, State]:
    """Return what a run would do with each stage that is on.

    Args:
        plan: The pipeline.
        first: Stages before this one count as finished.

    Returns:
        dict[str, State]: States by name.
    """
    states: dict[str, State] = {}
    asked = [stage.name for stage in plan.between(first, None)]
    for stage in plan.on:
        if stage.name not in asked:
            states[stage.name] = State(SKIP, 'taken as it is')
            continue
        state = state_now(plan, stage)
        kept_as_is = (SKIP, COMPARE)
        upstream = plan.upstream(stage)
        waits = [n for n in upstream if states[n].action not in kept_as_is]
        if waits and state.action != RUN:
            state = State(RUN, f'{waits[0]} runs before')
        states[stage.name] = state
    return states


def other_data_set(work_dir: Path, roots: Collection[str]) -> str | None:
    """Return a data set that stages in a folder are of, and that is another.

    A data set that is no longer there may have been moved: it is no other.

    Args:
        work_dir: Folder of stages; it need not exist.
        roots: ``data_root`` of the configs that will write there.
    """
    known = {Path(root).resolve() for root in roots}
    for config in sorted(work_dir.glob('*/config.py')):
        text = config.read_text(encoding='utf-8', errors='replace')
        found = _DATA_ROOT.search(text)
        root = found and ast.literal_eval(found[1])
        if root and Path(root).is_dir() and Path(root).resolve() not in known:
            return root
    return None


def _count_files(path: Path) -> int:
    """Return how many results a folder holds; a file is 1."""
    if path.is_file():
        return 1
    if not path.is_dir():
        return 0
    names = (p.name for p in path.iterdir())
    return sum(name[0] != '.' and name != SOURCE for name in names)


def _modified(path: Path) -> float:
    return path.stat().st_mtime
