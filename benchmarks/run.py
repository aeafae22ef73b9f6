"""How fast the parts are, against the plain way of doing the same.

    python benchmarks/run.py                       # all, to the terminal
    python benchmarks/run.py --out docs/speed.md   # write the page
    python benchmarks/run.py --only ocr_loss dense_crf --quick

Every benchmark is one script of `benchmarks/` and runs in a process of its
own, one after the other; nothing else should run meanwhile. Times are medians
of candidates that take turns in one process, so that a slow moment meets all
of them. On a CPU glibc keeps the memory it has freed (`ALLOCATOR` in
`benchmarks/runs.py`): times are of computing, not of asking the system for
memory. Peak memory is the growth of
a process that has computed nothing before, without that setting. Times belong
to one machine; the ratios are what to expect elsewhere.
"""

from __future__ import annotations

import argparse
import ast
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from measure import machine, new_parser
from runs import ALLOCATOR, ROOT, newer

from mmseg_wsss.io.atomic import atomic_write

SCRIPTS = ROOT / 'benchmarks'


class Part(NamedTuple):
    """One run of a benchmark's script.

    Attributes:
        arguments: Its command line.
        needs: A folder of data, left out where it is absent.
    """

    arguments: str = ''
    needs: str | None = None


PHOTOS = 'data/voc_mini/JPEGImages'
# The parts of each speed benchmark, by its script.
BENCHMARKS: dict[str, tuple[Part, ...]] = {
    'ocr_loss': (Part(), Part('--step')),
    'hfpl_losses': (Part(), Part('--step --images 4')),
    'csd_step': (Part(),),
    'baseline_steps': (Part(), Part('voc12 --images 2')),
    'dense_crf': (Part(), Part(f'--images {PHOTOS}', needs=PHOTOS)),
    'random_walk': (Part(),),
    'pixel_correlation': (Part(),),
    'mars_clustering': (Part(),),
    'complement_step': (Part(),),
    'channels_last': (Part(),),
    'clip_seeds': (Part(),),
    'many_files': (Part(),),
    'walk_steps': (Part(),),
    'cam_archives': (Part(),),
}


def read_doc(script: Path) -> tuple[str, str]:
    """Read a script's docstring: its title, and its text as Markdown.

    The commands in it are left out.
    """
    doc = ast.get_docstring(ast.parse(script.read_text())) or script.stem
    title, *text = doc.split('\n\n')
    kept = [part for part in text if not part.startswith('    ')]
    return title.rstrip('.'), '\n\n'.join(kept)


def what_is_run(name: str, quick: bool) -> list[tuple[str, str | None]]:
    """List a benchmark's commands, each with the folder that it lacks."""
    commands = []
    for part in BENCHMARKS[name]:
        words = ['python', f'benchmarks/{name}.py', part.arguments]
        words += ['--quick'] if quick else []
        there = part.needs is None or (ROOT / part.needs).is_dir()
        commands.append(
            (' '.join(filter(None, words)), None if there else part.needs)
        )
    return commands


def measure(command: str, threads: int, log: Path) -> str:
    """Run a command of a benchmark; returns the Markdown it prints.

    Raises:
        RuntimeError: If it fails; what it logged is in ``log``.
    """
    _, script, *arguments = shlex.split(command)
    environment = {
        **ALLOCATOR,
        **os.environ,
        'OMP_NUM_THREADS': str(threads),
        'PYTHONPATH': str(ROOT),
    }
    with open(log, 'a') as err:
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / Path(script).name), *arguments],
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            env=environment,
            cwd=ROOT,
        )
    if done.returncode:
        raise RuntimeError(f'{command} failed, see {log}')
    return done.stdout.strip()


def section(name: str, args: argparse.Namespace) -> str:
    """Measure a benchmark, or recall what an earlier run gave.

    What was measured on another machine, with other options or before the
    script or the package was changed is measured again.

    Raises:
        RuntimeError: If it fails.
    """
    script = SCRIPTS / f'{name}.py'
    commands = what_is_run(name, args.quick)
    run = [command for command, lacking in commands if not lacking]
    key = '; '.join([machine(args.threads), *run])
    kept = args.work_dir / f'{name}.md'
    sources = [script, *(ROOT / 'mmseg_wsss').rglob('*.py')]
    if not args.again and all(newer(kept, file) for file in sources):
        first, _, results = kept.read_text().partition('\n')
        if first == key:
            return compose(script, results)
    print(f'{name} ...', file=sys.stderr, flush=True)
    args.work_dir.mkdir(parents=True, exist_ok=True)
    log = args.work_dir / f'{name}.log'
    log.unlink(missing_ok=True)
    start = time.perf_counter()
    results = ''
    for command, lacking in commands:
        if lacking:
            found = f'Left out: there is no folder {lacking}.'
        else:
            found = measure(command, args.threads, log)
        results += f'\n`{command}`\n\n{found}\n'
    seconds = time.perf_counter() - start
    results += f'\nMeasured in {seconds:.0f} s.\n'
    with atomic_write(kept) as part:
        part.write_text(f'{key}\n{results}')
    return compose(script, results)


def compose(script: Path, results: str) -> str:
    title, text = read_doc(script)
    return f'## {title}\n\n{text}\n{results}'


def heading(args: argparse.Namespace) -> str:
    title, text = read_doc(Path(__file__))
    words = ['python', 'benchmarks/run.py']
    words += ['--only', *args.only] if args.only else []
    words += ['--quick'] if args.quick else []
    words += ['--out', args.out] if args.out else []
    warning = 'Each was measured once only, to try.\n\n' if args.quick else ''
    return (
        f'# Speed\n\n{title}.\n\n{text}\n\n{warning}'
        f'`{shlex.join(words)}` wrote this page on: '
        f'{machine(args.threads)}.\n'
    )


def parse_args() -> argparse.Namespace:
    parser = new_parser(__doc__)
    parser.add_argument('--out', help='page to write (default: print it)')
    parser.add_argument(
        '--only', nargs='+', choices=list(BENCHMARKS), help='run only these'
    )
    parser.add_argument(
        '--threads',
        type=int,
        default=1,
        help='threads of each process (default: 1)',
    )
    parser.add_argument(
        '--quick', action='store_true', help='measure once, to try it out'
    )
    parser.add_argument(
        '--again', action='store_true', help='measure what is kept too'
    )
    parser.add_argument(
        '--keep-going', action='store_true', help='continue after a failure'
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/speed'),
        help='where finished benchmarks are kept (default: work_dirs/speed)',
    )
    args = parser.parse_args()
    if args.threads < 1:
        parser.error('--threads must be at least 1')
    return args


def main() -> None:
    args = parse_args()
    failures = []
    page = heading(args)
    if not args.out:
        print(page, flush=True)
    for name in args.only or BENCHMARKS:
        try:
            part = section(name, args)
        except RuntimeError as error:
            if not args.keep_going:
                raise SystemExit(str(error)) from error
            print(error, file=sys.stderr)
            failures.append(name)
            continue
        page += f'\n{part}'
        if not args.out:
            print(part, flush=True)
    if args.out:
        with atomic_write(args.out) as file:
            file.write_text(page)
    if failures:
        raise SystemExit(f'not measured: {", ".join(failures)}')


if __name__ == '__main__':
    main()
