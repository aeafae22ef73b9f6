"""Running the stages of a pipeline, one after the other."""

from __future__ import annotations

import copy
import shlex
import subprocess
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from mmengine.config import Config

from . import references
from .command import Launch, environment, set_workers, stage_arguments
from .log_lines import figures_of, format_figures, last_figures, progress_of
from .plan import Plan
from .record import (
    BEGUN,
    DONE,
    LOG,
    find_outputs,
    last_checkpoint,
    read_record,
    write_record,
)
from .stage import Stage, is_training
from .state import GO_ON, SKIP, State, look_at, made_ids

TAIL = 25
RESTARTS = '   begins anew: it was stopped before its first checkpoint'
Say = Callable[[str], None]


class StageFailedError(RuntimeError):
    """A stage ended badly; the message says which, why, how to go on."""


def run_stage(
    plan: Plan,
    stage: Stage,
    launch: Launch,
    say: Say,
    pass_fds: Sequence[int] = (),
) -> State:
    """Make a stage, unless it is finished.

    A stage that was stopped goes on in its folder. Where its config, an
    input or a stage before it changed, the old folder is moved aside, to
    ``<work_dir>/old/``, and is never removed by us.

    Args:
        plan: The pipeline.
        stage: A stage of it whose inputs are there.
        launch: How its tool is started.
        say: Called with lines that tell how it goes.
        pass_fds: File descriptors that the tool inherits.

    Returns:
        State: What was to be done.

    Raises:
        StageFailedError: If the tool fails, or leaves nothing.
    """
    state = look_at(plan, stage)
    if state.todo == SKIP:
        return state
    folder = plan.folder(stage.name)
    if state.todo != GO_ON:
        moved = move_aside(plan, folder)
        if moved:
            say(f'   {state.why}; what was there is now in {moved}')
    begun = {
        'stage': stage.name,
        'hash': plan.hashes[stage.name],
        'upstream': made_ids(plan, stage),
    }
    # Not finished from here on; begun comes first, lest it be moved aside.
    write_record(folder, BEGUN, begun)
    (folder / DONE).unlink(missing_ok=True)
    if state.todo == GO_ON and is_training(stage):
        checkpoint = last_checkpoint(folder)
        say(f'   goes on from {checkpoint.name}' if checkpoint else RESTARTS)
    command = prepare_stage(plan, stage, launch)
    say(f'   {shlex.join(command)}')
    log, start = folder / LOG, time.time()
    code = run_command(command, log, say, pass_fds)
    if code:
        raise StageFailedError(failure(stage.name, log, f'ended with {code}'))
    try:
        outputs = find_outputs(stage, folder)
    except FileNotFoundError as error:
        raise StageFailedError(failure(stage.name, log, str(error))) from error
    with open(log, errors='replace') as lines:
        figures = last_figures(lines)
    write_record(
        folder,
        DONE,
        {
            **begun,
            'id': uuid.uuid4().hex,
            'outputs': outputs,
            'figures': figures,
            'seconds': round(time.time() - start, 1),
            'stopped_before': state.todo == GO_ON,
        },
    )
    (folder / BEGUN).unlink()
    return state


def prepare_stage(plan: Plan, stage: Stage, launch: Launch) -> list[str]:
    """Write a stage's whole config into its folder; return its command."""
    folder = plan.folder(stage.name)

    def path(reference: references.Reference) -> str:
        before = plan.folder(reference.stage)
        record = read_record(before, DONE)
        return str(before / record['outputs'][reference.output]['path'])

    content = references.replace(
        copy.deepcopy(plan.configs[stage.name].to_dict()), path
    )
    # YAPF would take seconds to lay it out.
    cfg = Config(content, format_python_code=False)
    set_workers(cfg, launch.num_workers)
    checkpoint = last_checkpoint(folder)
    if is_training(stage) and checkpoint is not None:
        # Without load_from it would go on from where the config starts.
        cfg.resume, cfg.load_from = True, str(checkpoint)
    config = folder / 'config.py'
    cfg.dump(config)
    inputs = references.replace(stage.inputs, path)
    arguments = stage_arguments(
        stage, config, folder, inputs, launch.num_workers
    )
    return launch.command(stage.kind.tool, arguments)


def run_command(
    command: Sequence[str],
    log: Path,
    say: Say,
    pass_fds: Sequence[int] = (),
    interval: float = 10.0,
) -> int:
    """Run a command, its output in a log, and tell how it goes.

    Args:
        command: The words of the command.
        log: File to write to, at its end.
        say: Called with a line every now and then, and with all figures.
        pass_fds: File descriptors that it inherits.
        interval: Seconds between two lines.

    Returns:
        int: The exit code. The command is ended too if this is interrupted.
    """
    told = time.monotonic()
    with (
        open(log, 'a') as output,
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
            output.write(f'$ {shlex.join(command)}\n')
            for line in process.stdout:
                output.write(line)
                output.flush()
                figures, progress = figures_of(line), progress_of(line)
                if figures:
                    say(f'   {format_figures(figures)}')
                elif progress and time.monotonic() - told >= interval:
                    told = time.monotonic()
                    say(f'   {progress}')
        except BaseException:
            process.terminate()
            raise
    return process.returncode


def failure(name: str, log: Path, what: str) -> str:
    """Say which stage failed, show its log's end, and tell how to go on."""
    with open(log, errors='replace') as lines:
        tail = deque((line.rstrip() for line in lines), TAIL)
    killed = what in ('ended with -9', 'ended with 137')
    return '\n'.join(
        [
            *(f'   | {line}' for line in tail),
            f'stage {name} failed: it {what}'
            + (', killed, often for want of memory' if killed else '')
            + f'. The whole log is {log}',
            'Mend it and type the same command again: what is finished is '
            'kept, and the stage goes on where it can.',
        ]
    )


def move_aside(plan: Plan, folder: Path) -> Path | None:
    """Move a stage's folder to ``old/``; None if there is nothing in it."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    old = plan.work_dir / 'old'
    old.mkdir(exist_ok=True)
    stamp = time.strftime('%Y%m%d-%H%M%S')
    target = old / f'{folder.name}_{stamp}'
    while target.exists():
        target = target.with_name(target.name + 'x')
    return folder.rename(target)
