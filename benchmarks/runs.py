"""Runs of our tools that the ablations share; a finished one is kept."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from statistics import mean, stdev
from typing import TypeVar

from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.lock import exclusive_lock
from mmseg_wsss.io.scalars import read_scalars

Start = TypeVar('Start')
ROOT = Path(__file__).resolve().parents[1]
# Page faults are slow on virtual machines: stop glibc from returning freed
# memory.
ALLOCATOR = {
    'MALLOC_MMAP_MAX_': '0',
    'MALLOC_TRIM_THRESHOLD_': '100000000000',
    'MALLOC_TOP_PAD_': '268435456',
}
MAKING_SCENES = threading.Lock()


def call(log: Path, tool: str, *arguments: str) -> None:
    """Run one of our tools on one thread, its output in a log file.

    One at a time in the folder of the log, also of those that were left
    running by a benchmark that was killed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **ALLOCATOR,
        **os.environ,
        'OMP_NUM_THREADS': '1',
        'PYTHONPATH': str(ROOT),
    }
    with exclusive_lock(log.parent) as pass_fds, open(log, 'w') as out:
        done = subprocess.run(
            [sys.executable, str(ROOT / 'tools' / tool), *arguments],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=ROOT,
            pass_fds=pass_fds,
        )
    if done.returncode:
        raise SystemExit(f'{tool} failed, see {log}')


def make_scenes() -> None:
    """Write the scenes to data/scenes, where they are missing."""
    log = ROOT / 'work_dirs/make_scenes/make_scenes.log'
    with MAKING_SCENES:
        if not (ROOT / 'data/scenes/image_labels.json').is_file():
            tool = 'dataset_converters/make_scenes.py'
            call(log, tool, '--out', 'data/scenes')


def train(
    config: str,
    work_dir: Path,
    seed: int,
    metrics: Sequence[str],
    *options: str,
) -> dict:
    """Train once, or recall what an earlier run of the same gave.

    Returns the named metrics of the last validation, and the seconds taken.
    """
    result = work_dir / 'result.json'
    asked = [config, seed, *options]
    if result.is_file():
        known = json.loads(result.read_text())
        if known['asked'] != asked:
            raise SystemExit(
                f'{work_dir} holds the run {known["asked"]}, not {asked}: '
                'remove it, or use another --work-dir'
            )
        return known
    if '_scenes' in config:
        make_scenes()
    start = time.time()
    call(
        work_dir / 'train.log',
        'train.py',
        config,
        '--work-dir',
        str(work_dir),
        '--cfg-options',
        f'randomness.seed={seed}',
        *options,
    )
    figures = {}
    if metrics:  # of the last validation, where there is one
        _, validation = read_scalars(work_dir)
        last = [line for line in validation if metrics[0] in line][-1]
        figures = {name: last[name] for name in metrics}
    figures.update(seconds=round(time.time() - start), asked=asked)
    with atomic_write(result) as part:
        part.write_text(json.dumps(figures))
    return figures


def add_run_arguments(
    parser: argparse.ArgumentParser,
    name: str,
    variants: Collection[str] = (),
    data: Collection[str] = ('scenes', 'voc-mini'),
    at_a_time: str = 'runs',
) -> None:
    """Add the options that the ablations share."""
    parser.add_argument('data', choices=data)
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    if variants:
        parser.add_argument('--only', nargs='+', choices=variants)
    each = f'{at_a_time} at a time'
    parser.add_argument('--jobs', type=int, default=2, help=each)
    parser.add_argument('--work-dir', default=f'work_dirs/{name}')


def run_all(
    args: argparse.Namespace,
    first: Callable[[int], Start],
    work: Callable[[int, Start, str], dict | None],
    variants: Iterable[str],
) -> dict[str, dict[str, dict]]:
    """Call ``first(seed)``, then ``work(seed, what it gave, variant)``.

    No work starts after an error. Returns the figures as
    {variant: {seed: figures}}, without those that are None.
    """
    with ThreadPoolExecutor(args.jobs) as pool:
        starts = list(pool.map(first, args.seeds))
        jobs = {
            (variant, seed): pool.submit(work, seed, start, variant)
            for seed, start in zip(args.seeds, starts, strict=True)
            for variant in args.only or variants
        }
        wait(jobs.values(), return_when=FIRST_EXCEPTION)
        if any(job.done() and job.exception() for job in jobs.values()):
            pool.shutdown(cancel_futures=True)
    results: dict[str, dict[str, dict]] = {}
    for (variant, seed), job in jobs.items():
        if job.result() is not None:
            results.setdefault(variant, {})[str(seed)] = job.result()
            print(f'{variant} seed {seed}: {job.result()}', file=sys.stderr)
    return results


def newer(file: Path, than: Path) -> bool:
    """Check whether a result exists and is newer than its inputs."""
    return file.is_file() and file.stat().st_mtime > than.stat().st_mtime


def pseudo_labels(config: str, work_dir: Path, *options: str) -> Path:
    """Write a trained CAM network's CAMs and labels, once; their folder."""
    out = work_dir / 'pseudo_labels'
    checkpoint = newest_checkpoint(work_dir)
    done = work_dir / 'pseudo_labels.log'
    if not newer(done, checkpoint):
        part = work_dir / 'pseudo_labels.part'
        call(
            part,
            'make_cams.py',
            config,
            str(checkpoint),
            '--out-dir',
            str(out),
            '--work-dir',
            str(work_dir),
            *options,
            *(['--overwrite'] if done.is_file() else []),
        )
        part.rename(done)
    return out


def newest_checkpoint(folder: Path) -> Path:
    checkpoints = folder.glob('epoch_*.pth')
    return max(checkpoints, key=lambda path: path.stat().st_mtime)


def table(
    results: dict[str, dict[str, dict]],
    columns: dict[str, str],
    digits: int = 2,
) -> str:
    """Mean and spread of each variant's runs {seed: figures}, as Markdown.

    ``columns`` maps the keys of a run to column titles. What no run of a
    variant has is a dash; a variant that has nothing is left out.
    """
    lines = [
        f'| variant | {" | ".join(columns.values())} |',
        '|---' * (1 + len(columns)) + '|',
    ]
    for variant, runs in results.items():
        cells = []
        for key in columns:
            values = [run[key] for run in runs.values() if key in run]
            spread = stdev(values) if len(values) > 1 else 0.0
            cells.append(
                f'{mean(values):.{digits}f} ± {spread:.{digits}f}'
                if values
                else '-'
            )
        if set(cells) != {'-'}:
            lines.append(f'| {variant} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def merge_results(
    file: Path, results: dict[str, dict[str, dict]]
) -> dict[str, dict[str, dict]]:
    """Add runs {variant: {seed: figures}} to a file; returns all in it."""
    merged = json.loads(file.read_text()) if file.is_file() else {}
    for variant, runs in results.items():
        merged.setdefault(variant, {}).update(runs)
    with atomic_write(file) as part:
        part.write_text(json.dumps(merged, indent=1))
    return merged


def merge_seeds(
    file: Path, seeds: Sequence[int], runs: Iterable[dict[str, dict]]
) -> dict[str, dict[str, dict]]:
    """Add the rows {variant: figures} of each seed as soon as they are there.

    Returns all in the file.
    """
    for seed, rows in zip(seeds, runs, strict=True):
        results = {name: {str(seed): row} for name, row in rows.items()}
        results = merge_results(file, results)
    return results
