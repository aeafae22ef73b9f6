"""From image labels to a segmentor: run the stages of a pipeline.

    python tools/run_pipeline.py configs/pipelines/scenes.py
    ... --dry-run                               what would be done, and why
    ... --cfg-options use.ocr=False             a method switched off
    ... --launcher pytorch --gpus 8 --split-batch       GPUs of one machine
    ... --launcher slurm --gpus 8 --launcher-args='-p gpu --gres=gpu:8'

The stages' folders are work_dirs/<name>/<stage>. A finished stage is skipped
as long as its config, the files that it names (by content, large photos by
size and both ends) and the stages that it reads are the same; otherwise it
runs again, and its old folder is moved to work_dirs/<name>/old. A killed run
is resumed by the same command. At the end, or where a stage fails,
work_dirs/<name>/report.html shows the results of every stage.
"""

import argparse
import contextlib
import copy
import os
import shlex
import signal
import sys
import time
from pathlib import Path

from mmseg_wsss.datasets.batch_count import split_batch
from mmseg_wsss.io.lock import exclusive_lock
from mmseg_wsss.jobs.command_line import OptionsAction
from mmseg_wsss.jobs.run_errors import describe_error
from mmseg_wsss.workflow.pipeline import (
    Launch,
    Plan,
    StageFailedError,
    StageFolder,
    other_data_set,
    plan_states,
    read_plan,
    run_command,
    run_stage,
    table,
    write_summary,
)
from mmseg_wsss.workflow.pipeline.identity import Reference
from mmseg_wsss.workflow.pipeline.record import SKIP
from mmseg_wsss.workflow.pipeline.stage import Stage
from mmseg_wsss.workflow.report import write_report

PUT_BACK = (
    'Put it back, install it, or correct the config or list that names it, '
    'and rerun the same command: finished stages are kept.'
)
TOOLS = Path(__file__).resolve().parent


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('pipeline', help='config of a pipeline')
    parser.add_argument(
        '--work-dir', help='where the folders of the stages go'
    )
    parser.add_argument(
        '--from',
        dest='first',
        metavar='STAGE',
        help='start here; the stages before must be finished and are taken '
        'as they are',
    )
    parser.add_argument(
        '--until', dest='last', metavar='STAGE', help='stop after this stage'
    )
    parser.add_argument(
        '--dry-run', action='store_true', help='only print what would be done'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default={},
        help="settings that override the pipeline's: use.METHOD=False, "
        'stages.STAGE.options.KEY=VALUE, options.KEY=VALUE for all stages',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm'],
        default='none',
        help='start the tools with torchrun or srun',
    )
    parser.add_argument('--gpus', type=int, default=1, help='number of ranks')
    parser.add_argument(
        '--split-batch',
        action='store_true',
        help="the configs' batch sizes are those of all GPUs together, not of "
        'each',
    )
    parser.add_argument(
        '--launcher-args',
        default='',
        help="more arguments of torchrun or srun, in one word: ='-p gpu'",
    )
    parser.add_argument(
        '--no-report', action='store_true', help='write no report'
    )
    parser.add_argument(
        '--num-workers', type=int, help='worker processes of each rank'
    )
    args = parser.parse_args()
    args.at = ''  # where a run is, for the message if it is stopped
    return args


def check_batches(plan: Plan, args: argparse.Namespace) -> None:
    """Check that the GPUs can share the batch of each training."""
    for stage in plan.between(args.first, args.last):
        if stage.is_training:
            try:
                split_batch(copy.deepcopy(plan.configs[stage.name]), args.gpus)
            except ValueError as error:
                raise ValueError(f'stage {stage.name}: {error}') from error


def log(line: str) -> None:
    print(line, flush=True)


def stop(*_) -> None:
    """Stop as Ctrl-C does: the running tool is ended too."""
    raise KeyboardInterrupt


def prepare(plan: Plan, pass_fds: tuple) -> None:
    """Run the commands that come before the stages."""
    for words in plan.prepare:
        if words[0].endswith('.py'):
            words = [sys.executable, str(TOOLS.parent / words[0]), *words[1:]]
        output = plan.work_dir / 'prepare.log'
        if run_command(words, output, log, pass_fds):
            raise SystemExit(f'{shlex.join(words)} failed, see {output}')


def check_names(plan: Plan, *names: str | None) -> None:
    """Check the names of the first and the last stage."""
    known = [stage.name for stage in plan.on]
    for name in filter(None, names):
        if name not in known:
            raise SystemExit(
                f'there is no stage {name} that is on: choose among '
                f'{", ".join(known)}'
            )
    if all(names) and not plan.between(*names):
        raise SystemExit(f'{names[0]} comes after {names[1]}')


def config_of(plan: Plan, stage: Stage) -> str:
    """Return the config file of a stage, also where it is another's."""
    while reference := Reference.parse(stage.config):
        stage = plan.stages[reference.stage]
    return stage.config


def show(plan: Plan, args: argparse.Namespace) -> None:
    """Print what a run would do."""
    if args.first:
        check_finished(plan, args.first, args.last)
    states = plan_states(plan, args.first)
    reached = [stage.name for stage in plan.between(None, args.last)]
    for words in plan.prepare:
        log(f'first: {shlex.join(words)}')
    for stage in plan.stages.values():
        if not stage.on:
            log(f'{stage.name:<16} off ({stage.method})')
            continue
        state = states[stage.name]
        words = state.action + (f' ({state.reason})' if state.reason else '')
        if state.action != SKIP:
            words += f': {stage.kind.tool} {config_of(plan, stage)}'
        if stage.name not in reached:
            words = 'not reached'
        log(f'{stage.name:<16} {words}')
    for line in [*plan.compares, *plan.missing_lines()]:
        log(line)


def run(plan: Plan, args: argparse.Namespace, launch: Launch) -> None:
    """Run the stages that are asked for."""
    with exclusive_lock(plan.work_dir) as pass_fds:
        if plan.prepare:
            prepare(plan, pass_fds)
            plan = read_plan(args.pipeline, args.cfg_options, args.work_dir)
        asked = [s.name for s in plan.between(args.first, args.last)]
        missing = plan.missing_lines(asked)
        if missing:
            raise SystemExit('\n'.join([*missing, PUT_BACK]))
        if args.first:
            check_finished(plan, args.first, args.last)
        for line in plan.compares:
            log(line)
        roots = [cfg.get('data_root') or '' for cfg in plan.configs.values()]
        if other := other_data_set(plan.work_dir, roots):
            log(
                f'warning: {plan.work_dir} has stages of the data set {other}:'
                ' those that differ are moved to old/. To keep both, give '
                'each its folder: --work-dir, or from_folder.py --name'
            )
        content = write_summary(plan, args.first)
        for number, stage in enumerate(plan.on, 1):
            if stage.name not in asked:
                continue
            args.at = f' in stage {stage.name} ({plan.folder(stage.name)})'
            log(f'[{number}/{len(plan.on)}] {stage.name}')
            start = time.time()
            try:
                state = run_stage(plan, stage, launch, log, pass_fds)
            except StageFailedError as error:
                # The disk may be full: the failure counts.
                with contextlib.suppress(OSError):
                    write_summary(plan, args.first)
                    report(plan, args)
                later = [s.name for s in plan.on[number:] if s.name in asked]
                if not later:
                    raise
                raise StageFailedError(
                    f'{error} Still to come: {", ".join(later)}.'
                ) from error
            content = write_summary(plan, args.first)
            seconds = f'{time.time() - start:.0f} s'
            skipped = ': '.join(filter(None, state))
            log(f'   {skipped if state.action == SKIP else seconds}')
        args.at = ' after the last stage'
        log('\n' + table(content))
    log(f'\nFiles: {plan.work_dir}')
    report(plan, args)


def report(plan: Plan, args: argparse.Namespace) -> None:
    """Write the report; a failure is printed only."""
    if args.no_report:
        return
    try:
        log(f'Report: {write_report(plan.work_dir)}')
    except Exception as error:
        log(f'there is no report: {type(error).__name__}: {error}')


def check_finished(plan: Plan, first: str, last: str | None) -> None:
    """Check that the stages before those asked for are finished."""
    asked = [stage.name for stage in plan.between(first, last)]
    for name in asked:
        for before in plan.upstream(plan.stages[name]):
            finished = StageFolder(plan.folder(before)).finished
            if before not in asked and finished is None:
                raise SystemExit(
                    f'--from {first}: stage {name} reads from {before}, which '
                    'is not finished; start there'
                )


def main() -> None:
    args = parse_args()
    signal.signal(signal.SIGTERM, stop)
    try:
        launch = Launch(
            args.launcher,
            args.gpus,
            tuple(shlex.split(args.launcher_args)),
            args.num_workers,
            TOOLS,
            args.split_batch,
        )
        plan = read_plan(args.pipeline, args.cfg_options, args.work_dir)
        check_names(plan, args.first, args.last)
        if args.split_batch:
            check_batches(plan, args)
        elif args.gpus > 1:
            log(
                f'each of the {args.gpus} GPUs trains with the batch sizes of '
                'the configs, which are those of one: --split-batch shares '
                'them'
            )
        if args.dry_run:
            show(plan, args)
        else:
            run(plan, args, launch)
    except BrokenPipeError as error:
        # Python would flush the closed pipe once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(
            f'stopped{args.at}: what read the output has ended; the same '
            'command resumes'
        ) from error
    except OSError as error:
        what = describe_error(error)
        raise SystemExit(
            f'stopped{args.at}: {what}. The same command resumes'
            if args.at
            else what
        ) from error
    except (ValueError, RuntimeError) as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt:
        with contextlib.suppress(BrokenPipeError):
            log(f'stopped{args.at}; the same command resumes')
        raise SystemExit(130) from None


if __name__ == '__main__':
    main()
