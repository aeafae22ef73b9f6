"""Run the stages of a pipeline, and summarise what they wrote."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mmengine.config import Config

from ...io.atomic import write_json
from ...io.scalars import LABEL_SUMMARY, read_figures
from ...jobs.run_errors import describe_error
from ...version import __version__
from .command import Launch, environment, prepare_config, stage_arguments
from .identity import Reference, replace_references
from .plan import Plan
from .record import (
    COMPARE,
    RESUME,
    SKIP,
    StageFolder,
    State,
    plan_states,
    state_now,
    upstream_ids,
)
from .stage import Stage

SUMMARY = 'pipeline.json'
TAIL = 25
INTERVAL = 10.0  # seconds between two lines of progress
# The last line of a traceback, or of a tool's own; not that of torchrun.
_ERROR = re.compile(
    r'(?:\[rank\d+\]: )?((?!.*ChildFailedError)(?:[\w.]*Error|error): .+)'
)
RESTART = '   restarts: it was stopped before its first checkpoint'
CONTINUE = (
    'Rerun the same command then: finished stages are kept, and this one is '
    'resumed where possible.'
)
Log = Callable[[str], None]


class StageFailedError(RuntimeError):
    """A stage failed; the message says which, why, and what to do."""


def run_stage(
    plan: Plan,
    stage: Stage,
    launch: Launch,
    log: Log,
    pass_fds: Sequence[int] = (),
) -> State:
    """Run a stage, unless it is finished.

    A stage that was stopped is resumed in its folder. Where its config, an
    input or an upstream stage changed, the old folder is moved to
    ``<work_dir>/old/``; it is never removed.

    Args:
        plan: The pipeline.
        stage: A stage of it whose inputs exist.
        launch: How its tool is started.
        log: Called with lines about the progress.
        pass_fds: File descriptors that the tool inherits.

    Returns:
        State: The state it was found in.

    Raises:
        StageFailedError: If the tool fails, or writes nothing.
    """
    folder = StageFolder(plan.folder(stage.name))
    try:
        return _run_stage(plan, stage, folder, launch, log, pass_fds)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StageFailedError(
            f'stage {stage.name} stopped: {describe_error(error)}. Its folder '
            f'is {folder.path}. {CONTINUE}'
        ) from error


def _run_stage(
    plan: Plan,
    stage: Stage,
    folder: StageFolder,
    launch: Launch,
    log: Log,
    pass_fds: Sequence[int],
) -> State:
    now = plan.hashes[stage.name], plan.figures[stage.name]
    state = state_now(plan, stage, folder)
    if state.action == SKIP:
        if folder.finished['hash'] != now[0]:  # of version 0.1
            folder.update(hash=now[0], figures_of=now[1])
        return state
    if state.action == COMPARE:
        (folder.path / LABEL_SUMMARY).unlink(missing_ok=True)
        _run_tool(plan, stage, folder, launch, log, pass_fds)
        figures = read_figures(folder.path)
        folder.update(hash=now[0], figures_of=now[1], figures=figures)
        return state
    if state.action != RESUME:
        moved = folder.archive()
        if moved:
            log(f'   {state.reason}; its old files are in {moved}')
    elif stage.is_training:
        checkpoint = folder.resume_from
        log(f'   resumes {checkpoint.name}' if checkpoint else RESTART)
    folder.start(stage.name, now[0], upstream_ids(plan, stage), now[1])
    start = time.time()
    _run_tool(plan, stage, folder, launch, log, pass_fds)
    try:
        folder.finish(stage, time.time() - start, state.action == RESUME)
    except FileNotFoundError as error:
        raise StageFailedError(failure(stage, folder, str(error))) from error
    if figures := folder.finished['figures']:
        log(f'   {format_figures(figures)}')
    return state


def _run_tool(
    plan: Plan,
    stage: Stage,
    folder: StageFolder,
    launch: Launch,
    log: Log,
    pass_fds: Sequence[int],
) -> None:
    command = prepare_stage(plan, stage, folder, launch)
    log(f'   {shlex.join(command)}')
    code = run_command(command, folder.log, log, pass_fds)
    if code:
        raise StageFailedError(failure(stage, folder, f'ended with {code}'))


def prepare_stage(
    plan: Plan, stage: Stage, folder: StageFolder, launch: Launch
) -> list[str]:
    """Write a stage's complete config into its folder; return its command."""

    def path(reference: Reference) -> str:
        upstream = StageFolder(plan.folder(reference.stage))
        return str(upstream.outputs[reference.output])

    content = copy.deepcopy(plan.configs[stage.name].to_dict())
    # Without YAPF, which would take seconds.
    cfg = Config(replace_references(content, path), format_python_code=False)
    prepare_config(cfg, stage, launch.num_workers)
    checkpoint = folder.resume_from if stage.is_training else None
    if checkpoint is not None:
        # resume alone would take the load_from of the config.
        cfg.resume, cfg.load_from = True, str(checkpoint)
    config = folder.path / 'config.py'
    cfg.dump(config)
    inputs = replace_references(stage.inputs, path)
    arguments = stage_arguments(
        stage, config, folder.path, inputs, launch.num_workers
    )
    return launch.command(stage.kind.tool, arguments)


def run_command(
    command: Sequence[str],
    output: Path,
    log: Log,
    pass_fds: Sequence[int] = (),
) -> int:
    """Run a command with its output in a file, and log its progress.

    Args:
        command: The words of the command.
        output: File to append to.
        log: Called with a line of progress every now and then, and with every
            validation.
        pass_fds: File descriptors that the command inherits.

    Returns:
        int: The exit code. The command is ended too if this is interrupted.
    """
    last = time.monotonic()
    with (
        open(output, 'a', encoding='utf-8') as file,
        subprocess.Popen(
            command,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            text=True,
            errors='replace',
        ) as process,
    ):
        try:
            file.write(f'$ {shlex.join(command)}\n')
            for line in process.stdout:
                file.write(line)
                file.flush()
                is_progress = 'eta: ' in line or ' per minute' in line
                is_result = '(val)' in line and not is_progress
                due = is_progress and time.monotonic() - last >= INTERVAL
                if is_result or due:
                    last = time.monotonic()
                    log(f'   {line.rpartition(" - INFO - ")[2].strip()}')
        except BaseException:
            process.terminate()
            raise
    return process.returncode


def failure(stage: Stage, folder: StageFolder, what: str) -> str:
    """Return what failed and what to do, after the end of the stage's log.

    Where the log ends in a tool's one-line error, that line alone is shown.
    """
    tail, cause = read_log(folder.log)
    if tail and tail[-1].startswith('error: '):
        tail.clear()
    killed = what in ('ended with -9', 'ended with 137')
    return '\n'.join(
        [
            *(f'   | {line}' for line in tail),
            f'stage {stage.name} failed: it {what}'
            + (', killed, often for lack of memory' if killed else '')
            + (f' ({cause})' if cause and not killed else '')
            + f'. The whole log is {folder.log}',
            'Fix it and rerun the same command: finished stages are kept, and '
            'this one is resumed where possible.',
        ]
    )


def read_log(path: Path) -> tuple[deque[str], str]:
    """Return the last lines of a log, and the last error of its last run.

    Launchers of ranks end a log with more lines than that.
    """
    tail, cause = deque(maxlen=TAIL), ''
    with open(path, errors='replace') as lines:
        for line in map(str.rstrip, lines):
            tail.append(line)
            if line.startswith('$ '):  # the command, see run_command
                cause = ''
            elif found := _ERROR.match(line):
                cause = found[1]
    return tail, cause


def write_summary(plan: Plan, first: str | None = None) -> dict:
    """Write ``pipeline.json``: the stages in their order, and their records.

    Args:
        plan: The pipeline.
        first: Stages before this one are taken as they are.

    Returns:
        dict: ``name``, ``version`` and ``stages``, a list of dicts with the
        settings of each and ``record``, the content of its ``stage.json``,
        None where it is not finished, or would run again.
    """
    states = plan_states(plan, first)
    kept = [n for n, s in states.items() if s.action in (SKIP, COMPARE)]
    content = {
        'name': plan.name,
        'version': __version__,
        'stages': [
            {
                'name': stage.name,
                'tool': stage.kind.tool,
                'method': stage.method,
                'on': stage.on,
                'config': stage.config,
                'upstream': plan.upstream(stage),
                'settings': stage.settings,
                'record': StageFolder(plan.folder(stage.name)).finished
                if stage.name in kept
                else None,
            }
            for stage in plan.stages.values()
        ],
    }
    write_json(plan.work_dir / SUMMARY, content)
    return content


def table(content: Mapping) -> str:
    """Return a table of the stages: seconds, outputs, figures.

    Args:
        content: What :func:`write_summary` returned. Seconds with a + are
            those of the last part of a stage that was resumed.
    """
    rows = [('stage', 'seconds', 'made', 'figures')]
    for stage in content['stages']:
        record = stage['record']
        if record is None:
            rows.append((stage['name'], '-' if stage['on'] else 'off', '', ''))
            continue
        made = [
            f'{out["files"]} {name}' if out['files'] > 1 else out['path']
            for name, out in record['outputs'].items()
        ]
        seconds = f'{record["seconds"]:.0f}'
        rows.append(
            (
                stage['name'],
                seconds + ('+' if record['stopped_before'] else ''),
                ', '.join(made),
                format_figures(record['figures']),
            )
        )
    name, seconds, made = (max(len(row[i]) for row in rows) for i in range(3))
    return '\n'.join(
        f'{a:<{name}}  {b:>{seconds}}  {c:<{made}}  {d}'.rstrip()
        for a, b, c, d in rows
    )


def format_figures(figures: Mapping[str, float]) -> str:
    """Return the first figures on one line."""
    pairs = [f'{name} {value:g}' for name, value in figures.items()]
    return ', '.join(pairs[:8])
