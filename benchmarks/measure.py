"""How the benchmarks measure, and the Markdown that all of them print."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch

DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'
Result = TypeVar('Result')


def new_parser(doc: str) -> argparse.ArgumentParser:
    """Build a parser whose help is a script's docstring."""
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def parse(
    parser: argparse.ArgumentParser, repeats: int | None = None
) -> argparse.Namespace:
    """Parse the command line, with the options that all benchmarks have.

    Args:
        parser: The benchmark's parser, with its own options.
        repeats: How often it measures unless told otherwise; None: once.

    Returns:
        argparse.Namespace: With ``quick``, and ``repeats``, at least 1, where
        it was given.
    """
    parser.add_argument(
        '--quick', action='store_true', help='measure little, to try it out'
    )
    if repeats is None:
        return parser.parse_args()
    parser.add_argument(
        '--repeats',
        type=int,
        help=f'measurements that a median is of (default: {repeats})',
    )
    args = parser.parse_args()
    if args.repeats is None:
        args.repeats = 1 if args.quick else repeats
    if args.repeats < 1:
        parser.error('--repeats must be at least 1')
    return args


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def once(run: Callable[[], Result]) -> tuple[float, Result]:
    """Milliseconds of one call without a warm-up, and what it returns."""
    synchronize()
    start = time.perf_counter()
    result = run()
    synchronize()
    return (time.perf_counter() - start) * 1e3, result


def medians(
    candidates: dict[str, Callable[[], object]], repeats: int = 7
) -> dict[str, float]:
    """Median milliseconds of each candidate, run in turn in one process."""
    times = {name: [] for name in candidates}
    for _ in range(repeats + 1):
        for name, run in candidates.items():
            times[name].append(once(run)[0])
    return {name: median(values[1:]) for name, values in times.items()}


def peak_mib(run: Callable[[], object]) -> float:
    """Growth of this process's peak memory while ``run`` is called."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    Path('/proc/self/clear_refs').write_text('5')  # resets VmHWM
    before = _high_water_kib()
    run()
    return (_high_water_kib() - before) / 2**10


def _high_water_kib() -> int:
    status = Path('/proc/self/status').read_text()
    return int(re.search(r'VmHWM:\s+(\d+) kB', status).group(1))


def in_fresh_process(run: Callable[..., Result], *arguments: object) -> Result:
    """Call a function of a script in a process that has computed nothing.

    On a CPU these processes are forked from one that has only imported the
    library, which saves each of them the seconds of the import. glibc's
    settings are the usual ones there: with memory that was kept for reuse, a
    peak says little of what a function takes. On a GPU the allocator counts
    what each call takes, and this process will do.
    """
    if torch.cuda.is_available():
        return run(*arguments)
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmseg_wsss'])
    names = [name for name in os.environ if name.startswith('MALLOC_')]
    settings = {name: os.environ.pop(name) for name in names}
    try:
        with context.Pool(1) as pool:
            return pool.apply(run, arguments)
    finally:
        os.environ.update(settings)


def step(model: torch.nn.Module, data: dict) -> None:
    """Take a training step without an optimizer."""
    model.zero_grad()
    losses = model(**model.data_preprocessor(data, True), mode='loss')
    model.parse_losses(losses)[0].backward()


def machine(threads: int | None = None) -> str:
    """One line on what the figures were measured with.

    Args:
        threads: Threads of a process; this one's if None.
    """
    threads = threads or torch.get_num_threads()
    parts = [
        _processor(),
        f'{os.cpu_count()} cores',
        f'{threads} thread{"s" if threads > 1 else ""}',
        f'torch {torch.__version__}',
    ]
    if torch.cuda.is_available():
        parts.insert(0, torch.cuda.get_device_name())
    return ', '.join(parts)


def _processor() -> str:
    file = Path('/proc/cpuinfo')
    text = file.read_text() if file.is_file() else ''
    found = re.search(r'model name\s*:\s*(.+)', text)
    return found.group(1) if found else platform.machine()


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table, each row as soon as it is there."""
    print(f'| {" | ".join(titles)} |')
    print('|' + '---|' * len(titles), flush=True)
    for row in rows:
        print(f'| {" | ".join(row)} |', flush=True)
    print()
